import type { DecoderSpec } from '../model/types.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { WeightSource } from './weights.js';

/** RMSNorm over the last axis with the weight `model.NAME.weight`. */
export function rmsNorm(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  { name, weight = name, x }: { readonly name: string; readonly weight?: string; readonly x: Value },
): Value {
  return graph.apply(name, 'SimplifiedLayerNormalization', [x, normWeight(graph, spec, weights, weight)], {
    axis: -1,
    epsilon: { float: spec.normEpsilon },
    stash_type: 1,
  });
}

/** residual + update, and the norm of the sum, in one pass over memory. */
export function addAndNormalise(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  {
    name,
    weight = name,
    update,
    residual,
  }: { readonly name: string; readonly weight?: string; readonly update: Value; readonly residual: Value },
): [normed: Value, sum: Value] {
  const [normed, sum] = graph.node(
    name,
    'com.microsoft.SkipSimplifiedLayerNormalization',
    [residual, update, normWeight(graph, spec, weights, weight)],
    { epsilon: { float: spec.normEpsilon } },
    ['', null, null, 'sum'],
  );
  return [normed as Value, sum as Value];
}

/** ONNX Runtime folds the addition at load. */
function normWeight(graph: OnnxBuilder, spec: DecoderSpec, weights: WeightSource, name: string): Value {
  const stored = weights.add(graph, `model.${name}.weight`);
  if (spec.normOffset === 0) return stored;
  const offset = graph.constant(`${name}.offset`, 'float32', [1], [spec.normOffset]);
  return graph.apply(`${name}.weight_and_offset`, 'Add', [stored, offset]);
}
