import type { ModelShape } from './shape.js';

export interface ParameterCount {
  readonly total: number;
  /** Looked up, not multiplied. */
  readonly embedding: number;
  /** Of the matrices that every token is multiplied with, the head left out. */
  readonly layerMatrices: number;
  /** Of the output matrix; with tied embeddings the same numbers as `embedding`, counted once in `total`. */
  readonly head: number;
}

/**
 * Parameters of a decoder by its shape: four attention matrices, three of the gated MLP, two norms per layer, final norm,
 * embedding and head (Touvron et al. 2023, section 2.2). Llama-3-8B: 8,030,261,248, as its checkpoint has.
 */
export function countParameters(shape: ModelShape): ParameterCount {
  const { layers, hiddenSize, intermediateSize, vocabularySize, attentionBias, mlpBias } = shape;
  const queries = shape.heads * shape.headDim;
  const keys = shape.keyValueHeads * shape.headDim;
  const attention = hiddenSize * (queries + 2 * keys) + queries * hiddenSize;
  const mlp = 3 * hiddenSize * intermediateSize;
  const biases =
    (attentionBias.query ? queries : 0) +
    (attentionBias.key ? keys : 0) +
    (attentionBias.value ? keys : 0) +
    (attentionBias.output ? hiddenSize : 0) +
    (mlpBias ? 2 * intermediateSize + hiddenSize : 0);
  const embedding = vocabularySize * hiddenSize;
  const layerMatrices = layers * (attention + mlp);
  const vectors = layers * (2 * hiddenSize + biases) + hiddenSize;
  return {
    total: embedding + (shape.tiedEmbeddings ? 0 : embedding) + layerMatrices + vectors,
    embedding,
    layerMatrices,
    head: embedding,
  };
}
