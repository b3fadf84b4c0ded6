import type { DecoderSpec } from '../model/types.js';
import { linear } from './linear.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { WeightSource } from './weights.js';

/** The gated MLP of a layer, or its mixture of experts; x and the result are [B * S, hiddenSize]. */
export function feedForward(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  layer: number,
  x: Value,
): Value {
  const prefix = `layers.${layer}`;
  return spec.experts === null
    ? gatedMlp(graph, spec, weights, `${prefix}.mlp`, ['gate_proj', 'up_proj', 'down_proj'], x)
    : mixtureOfExperts(graph, spec, weights, `${prefix}.block_sparse_moe`, x);
}

function gatedMlp(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  name: string,
  [gateName, upName, downName]: readonly [gate: string, up: string, down: string],
  x: Value,
): Value {
  const gate = linear(graph, weights, `${name}.${gateName}`, x);
  const up = linear(graph, weights, `${name}.${upName}`, x);
  const activated =
    spec.activation === 'silu'
      ? graph.apply(`${name}.silu`, 'com.microsoft.QuickGelu', [gate], { alpha: { float: 1 } })
      : graph.apply(`${name}.gelu`, 'Gelu', [gate], { approximate: 'tanh' });
  const product = graph.apply(`${name}.gated`, 'Mul', [activated, up]);
  return linear(graph, weights, `${name}.${downName}`, product);
}

/**
 * Every row goes to the experts of its largest router probabilities, which are scaled to sum 1. An expert computes its own rows
 * only, so the cost is that of `perToken` MLPs. (The contrib node MoE wants all experts in one tensor, a copy of the weights.)
 */
function mixtureOfExperts(graph: OnnxBuilder, spec: DecoderSpec, weights: WeightSource, name: string, x: Value): Value {
  const { count, perToken } = spec.experts as NonNullable<DecoderSpec['experts']>;
  const logits = linear(graph, weights, `${name}.gate`, x);
  const probabilities = graph.apply(`${name}.probabilities`, 'Softmax', [logits], { axis: -1 });
  const [top, chosen] = graph.node(
    `${name}.top`,
    'TopK',
    [probabilities, graph.constant(`${name}.per_token`, 'int64', [1], [perToken])],
    { axis: -1, largest: 1, sorted: 1 },
    ['values', 'experts'],
  ) as [Value, Value];
  const lastAxis = graph.constant(`${name}.last_axis`, 'int64', [1], [-1]);
  const sum = graph.apply(`${name}.top_sum`, 'ReduceSum', [top, lastAxis], { keepdims: 1 });
  const share = graph.apply(`${name}.share`, 'Div', [top, sum]);
  // [B * S, count], 0 where an expert is not asked.
  const none = graph.apply(`${name}.none`, 'ConstantOfShape', [
    graph.apply(`${name}.router_shape`, 'Shape', [probabilities]),
  ]);
  const shares = graph.apply(`${name}.shares`, 'ScatterElements', [none, chosen, share], { axis: 1 });
  let total = graph.apply(`${name}.zero`, 'ConstantOfShape', [graph.apply(`${name}.shape`, 'Shape', [x])]);
  for (let expert = 0; expert < count; expert++) {
    const own = `${name}.experts.${expert}`;
    const column = graph.constant(`${own}.column`, 'int64', [1], [expert]);
    const asked = graph.apply(`${own}.asked`, 'Gather', [shares, column], { axis: 1 });
    // The row index alone: [1, n] of [2, n], turned to [n, 1], which is what GatherND and ScatterND want.
    const places = graph.apply(`${own}.places`, 'Transpose', [graph.apply(`${own}.nonzero`, 'NonZero', [asked])], {
      perm: [1, 0],
    });
    const first = graph.constant(`${own}.first`, 'int64', [1], [0]);
    const rows = graph.apply(`${own}.rows`, 'Gather', [places, first], { axis: 1 });
    const inputs = graph.apply(`${own}.inputs`, 'GatherND', [x, rows]);
    const outputs = gatedMlp(graph, spec, weights, own, ['w1', 'w3', 'w2'], inputs);
    const weighted = graph.apply(`${own}.weighted`, 'Mul', [
      outputs,
      graph.apply(`${own}.share`, 'GatherND', [asked, rows]),
    ]);
    total = graph.apply(`${own}.total`, 'ScatterND', [total, rows, weighted], { reduction: 'add' });
  }
  return total;
}
