import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { WeightTable } from './weights.js';

/**
 * x [1, T, inputs] times W^T, W [outputs, inputs] as checkpoints store it. Gemm takes W as it lies in the file, where
 * MatMul would need a transposed copy; it works on matrices, hence the (free) reshapes.
 */
export function linear(
  graph: OnnxBuilder,
  weights: WeightTable,
  name: string,
  x: Value,
  inputs: number,
  outputs: number,
): Value {
  const rows = graph.apply(`${name}.rows`, 'Reshape', [
    x,
    graph.constant(`${name}.rows.shape`, 'int64', [2], [-1, inputs]),
  ]);
  const bias = `model.${name}.bias`;
  const product = graph.apply(
    `${name}.product`,
    'Gemm',
    [rows, weights.add(graph, `model.${name}.weight`), ...(weights.has(bias) ? [weights.add(graph, bias)] : [])],
    { transB: 1 },
  );
  return graph.apply(name, 'Reshape', [product, graph.constant(`${name}.shape`, 'int64', [3], [1, -1, outputs])]);
}
