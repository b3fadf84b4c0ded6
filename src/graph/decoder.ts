import type { DecoderSpec } from '../model/types.js';
import { type Attention, attention } from './attention.js';
import { mlp } from './mlp.js';
import { addAndNormalise, normalise } from './norm.js';
import { OnnxBuilder } from './onnx-builder.js';
import { type SequenceInputs, sequenceInputs } from './sequence-inputs.js';
import type { WeightSource } from './weights.js';

/**
 * What a decoder graph gives beside the hidden states.
 * `present`: it takes a past and gives past and new keys and values, the form that other programs run.
 * `appended`: it takes a past and gives only the new ones. What is given is copied out of ONNX Runtime in every run, and a long
 * past need not be: so the caller owns the cache and writes them into it.
 */
export type CacheOutputs = 'none' | 'present' | 'appended';

/**
 * The decoder without its head: token ids and one pair of rotary tables in, final normalised hidden states out.
 *
 * B rows of S new tokens stand after T - S tokens of past. Inputs: `input_ids` int64 [B, S]; `cos`, `sin` float32
 * [at least T, rotaryDim / 2], row p for position p; `seqlens_k` int32 [B] = T - 1; `total_sequence_length` int32 scalar = T.
 * Output: `hidden` float32 [B * S, hiddenSize]. The rotary tables are inputs, so a search candidate is two small tensors and
 * never a new graph.
 *
 * With a cache also the inputs `past_key_values.N.key` and `.value` float32 [B, keyValueHeads, P, headDim], P >= T - S (rows
 * beyond T - S are not read; 0 rows are fine), and the outputs `present.N.key` and `.value` [B, keyValueHeads, max(P, T),
 * headDim] or `appended.N.key` and `.value` [B, keyValueHeads, S, headDim]. The CPU kernel takes S > 1 after a past only with B = 1.
 */
export function buildDecoder(spec: DecoderSpec, weights: WeightSource, cache: CacheOutputs = 'none'): Uint8Array {
  const graph = new OnnxBuilder('decoder');
  const inputs = sequenceInputs(graph, spec, cache !== 'none');
  const flatIds = graph.apply('flat_ids', 'Reshape', [inputs.ids, graph.constant('flat', 'int64', [1], [-1])]);
  let residual = graph.apply('embed', 'Gather', [weights.add(graph, 'model.embed_tokens.weight'), flatIds]);
  let normed = normalise(graph, spec, weights, 'layers.0.input_layernorm', residual);
  for (let layer = 0; layer < spec.layers; layer++) {
    const prefix = `layers.${layer}`;
    const attended = attention(graph, spec, weights, layer, normed, inputs);
    if (cache !== 'none') cacheOutputs(graph, spec, cache, layer, attended, inputs);
    [normed, residual] = addAndNormalise(graph, spec, weights, {
      name: `${prefix}.post_attention_layernorm`,
      weight: `model.${prefix}.post_attention_layernorm.weight`,
      update: attended.output,
      residual,
    });
    const expanded = mlp(graph, spec, weights, prefix, normed);
    const last = layer === spec.layers - 1;
    [normed, residual] = addAndNormalise(graph, spec, weights, {
      name: last ? 'hidden' : `layers.${layer + 1}.input_layernorm`,
      weight: last ? 'model.norm.weight' : `model.layers.${layer + 1}.input_layernorm.weight`,
      update: expanded,
      residual,
    });
  }
  graph.output(normed, 'float32', ['N', spec.hiddenSize]);
  return graph.build();
}

function cacheOutputs(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  cache: Exclude<CacheOutputs, 'none'>,
  layer: number,
  { presentKey, presentValue }: Attention,
  { pastLength, presentLength, sequenceAxis }: SequenceInputs,
): void {
  for (const [what, present] of [
    ['key', presentKey],
    ['value', presentValue],
  ] as const) {
    const name = `${cache}.${layer}.${what}`;
    const given =
      cache === 'present'
        ? graph.apply(name, 'Identity', [present])
        : graph.apply(name, 'Slice', [present, pastLength, presentLength, sequenceAxis]);
    const length = cache === 'present' ? 'T' : 'S';
    graph.output(given, 'float32', ['B', spec.keyValueHeads, length, spec.headDim]);
  }
}
