import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { WeightSource } from './weights.js';

/**
 * x [N, inputs] times W^T, W [outputs, inputs] as checkpoints store it. Gemm takes W as it lies in the file, where MatMul would
 * need a transposed copy; it works on matrices, which is why the decoder keeps batch and sequence in one axis.
 */
export function linear(graph: OnnxBuilder, weights: WeightSource, name: string, x: Value): Value {
  const bias = `model.${name}.bias`;
  return graph.apply(
    name,
    'Gemm',
    [x, weights.add(graph, `model.${name}.weight`), ...(weights.has(bias) ? [weights.add(graph, bias)] : [])],
    { transB: 1 },
  );
}
