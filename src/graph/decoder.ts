import type { DecoderSpec } from '../model/types.js';
import { attention } from './attention.js';
import { linear } from './linear.js';
import { OnnxBuilder, type Value } from './onnx-builder.js';
import type { WeightTable } from './weights.js';

/**
 * The decoder without its head: token ids and one pair of rotary tables in, final normalised hidden states out.
 *
 * Inputs: `input_ids` int64 [1, T]; `cos`, `sin` float32 [T, rotaryDim / 2]; `seqlens_k` int32 [1] = T - 1;
 * `total_sequence_length` int32 scalar = T. Output: `hidden` float32 [T, hiddenSize].
 * The rotary tables are inputs, so a search candidate is two small tensors and never a new graph.
 */
export function buildDecoder(spec: DecoderSpec, weights: WeightTable): Uint8Array {
  const graph = new OnnxBuilder('decoder');
  const inputs = {
    ids: graph.input('input_ids', 'int64', [1, 'T']),
    cos: graph.input('cos', 'float32', ['R', spec.rope.geometry.rotaryDim / 2]),
    sin: graph.input('sin', 'float32', ['R', spec.rope.geometry.rotaryDim / 2]),
    lastPosition: graph.input('seqlens_k', 'int32', [1]),
    totalLength: graph.input('total_sequence_length', 'int32', []),
  };
  let residual = graph.apply('embed', 'Gather', [weights.add(graph, 'model.embed_tokens.weight'), inputs.ids]);
  let normed = graph.apply(
    'layers.0.input_layernorm',
    'SimplifiedLayerNormalization',
    [residual, weights.add(graph, 'model.layers.0.input_layernorm.weight')],
    normAttributes(spec),
  );
  for (let layer = 0; layer < spec.layers; layer++) {
    const prefix = `layers.${layer}`;
    const attended = attention(graph, spec, weights, layer, normed, inputs);
    [normed, residual] = addAndNormalise(graph, spec, weights, {
      name: `${prefix}.post_attention_layernorm`,
      weight: `model.${prefix}.post_attention_layernorm.weight`,
      update: attended,
      residual,
    });
    const expanded = mlp(graph, spec, weights, prefix, normed);
    const last = layer === spec.layers - 1;
    [normed, residual] = addAndNormalise(graph, spec, weights, {
      name: last ? 'norm' : `layers.${layer + 1}.input_layernorm`,
      weight: last ? 'model.norm.weight' : `model.layers.${layer + 1}.input_layernorm.weight`,
      update: expanded,
      residual,
    });
  }
  const rows = graph.constant('hidden.rows', 'int64', [2], [-1, spec.hiddenSize]);
  graph.output(graph.apply('hidden', 'Reshape', [normed, rows]), 'float32', ['T', spec.hiddenSize]);
  return graph.build();
}

function normAttributes(spec: DecoderSpec) {
  return { axis: -1, epsilon: { float: spec.normEpsilon }, stash_type: 1 };
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
  const gate = linear(graph, weights, `${name}.gate_proj`, x, spec.hiddenSize, spec.intermediateSize);
  const up = linear(graph, weights, `${name}.up_proj`, x, spec.hiddenSize, spec.intermediateSize);
  const activated =
    spec.activation === 'silu'
      ? graph.apply(`${name}.silu`, 'com.microsoft.QuickGelu', [gate], { alpha: { float: 1 } })
      : graph.apply(`${name}.gelu`, 'Gelu', [gate], { approximate: 'tanh' });
  const product = graph.apply(`${name}.gated`, 'Mul', [activated, up]);
  return linear(graph, weights, `${name}.down_proj`, product, spec.intermediateSize, spec.hiddenSize);
}
