import type { DecoderSpec } from '../model/types.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { WeightSource } from './weights.js';

/** The norm of a layer's input; `name` without "model." and ".weight". */
export function normalise(graph: OnnxBuilder, spec: DecoderSpec, weights: WeightSource, name: string, x: Value): Value {
  return graph.apply(name, 'SimplifiedLayerNormalization', [x, weights.add(graph, `model.${name}.weight`)], {
    axis: -1,
    epsilon: { float: spec.normEpsilon },
    stash_type: 1,
  });
}

/** residual + update, and the norm of it, in one pass over memory. */
export function addAndNormalise(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
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
