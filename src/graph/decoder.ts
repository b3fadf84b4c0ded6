import type { DecoderSpec } from '../model/types.js';
import { type Attention, attention } from './attention.js';
import { linear } from './linear.js';
import { OnnxBuilder, type Value } from './onnx-builder.js';
import { type SequenceInputs, sequenceInputs } from './sequence-inputs.js';
import type { WeightTable } from './weights.js';

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
export function buildDecoder(spec: DecoderSpec, weights: WeightTable, cache: CacheOutputs = 'none'): Uint8Array {
  const graph = new OnnxBuilder('decoder');
  const hidden = addDecoder(graph, spec, weights, sequenceInputs(graph, spec, cache !== 'none'), cache);
  graph.output(hidden, 'float32', ['N', spec.hiddenSize]);
  return graph.build();
}

/** The layers of a decoder in a graph that has its inputs; returns the normalised hidden states [B * S, hiddenSize]. */
export function addDecoder(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightTable,
  inputs: SequenceInputs,
  cache: CacheOutputs,
): Value {
  const flatIds = graph.apply('flat_ids', 'Reshape', [inputs.ids, graph.constant('flat', 'int64', [1], [-1])]);
  let residual = graph.apply('embed', 'Gather', [weights.add(graph, 'model.embed_tokens.weight'), flatIds]);
  let normed = graph.apply(
    'layers.0.input_layernorm',
    'SimplifiedLayerNormalization',
    [residual, weights.add(graph, 'model.layers.0.input_layernorm.weight')],
    { axis: -1, epsilon: { float: spec.normEpsilon }, stash_type: 1 },
  );
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
  return normed;
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

/** residual + update, and the norm of it, in one pass over memory. */
function addAndNormalise(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightTable,
  { name, weight, update, residual }: { name: string; weight: string; update: Value; residual: Value },
): [normed: Value, sum: Value] {
  const [normed, sum] = graph.node(
    name,
    'com.microsoft.SkipSimplifiedLayerNormalization',
    [residual, update, weights.add(graph, weight)],
    { epsilon: { float: spec.normEpsilon } },
    ['', null, null, 'sum'],
  );
  return [normed as Value, sum as Value];
}

function mlp(graph: OnnxBuilder, spec: DecoderSpec, weights: WeightTable, prefix: string, x: Value): Value {
  const name = `${prefix}.mlp`;
  const gate = linear(graph, weights, `${name}.gate_proj`, x);
  const up = linear(graph, weights, `${name}.up_proj`, x);
  const activated =
    spec.activation === 'silu'
      ? graph.apply(`${name}.silu`, 'com.microsoft.QuickGelu', [gate], { alpha: { float: 1 } })
      : graph.apply(`${name}.gelu`, 'Gelu', [gate], { approximate: 'tanh' });
  const product = graph.apply(`${name}.gated`, 'Mul', [activated, up]);
  return linear(graph, weights, `${name}.down_proj`, product);
}
