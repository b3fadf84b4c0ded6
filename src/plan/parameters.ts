import type { ModelShape } from './shape.js';

export interface ParameterCount {
  readonly total: number;
  /** Looked up, not multiplied. */
  readonly embedding: number;
  /** Of the matrices of all layers. */
  readonly layerMatrices: number;
  /** Of those that one token is multiplied with: all, or its experts alone. */
  readonly activeMatrices: number;
  /** Of the output matrix; with tied embeddings the same numbers as `embedding`, counted once in `total`. */
  readonly head: number;
}

/**
 * Parameters of a decoder by its shape: four attention matrices, three of the gated MLP, two norms per layer, final norm,
 * embedding and head (Touvron et al. 2023, section 2.2); with experts as many MLPs and a router (Jiang et al. 2024).
 * Llama-3-8B: 8,030,261,248, as its checkpoint has. Norms beyond two per layer (gemma, q and k) are below 0.01 % and left out.
 */
export function countParameters(shape: ModelShape): ParameterCount {
  const { layers, hiddenSize, intermediateSize, vocabularySize, attentionBias, mlpBias, experts } = shape;
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
  const router = experts === null ? 0 : hiddenSize * experts.count;
  const matrices = (mlps: number) => layers * (attention + router + mlps * mlp);
  const layerMatrices = matrices(experts?.count ?? 1);
  const vectors = layers * (2 * hiddenSize + biases) + hiddenSize;
  return {
    total: embedding + (shape.tiedEmbeddings ? 0 : embedding) + layerMatrices + vectors,
    embedding,
    layerMatrices,
    activeMatrices: matrices(experts?.perToken ?? 1),
    head: embedding,
  };
}
