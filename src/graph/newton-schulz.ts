import { OnnxBuilder, type Value } from './onnx-builder.js';

/** Coefficients and number of iterations of Keller Jordan's Muon, which torch.optim.Muon took over. */
const [A, B, C] = [3.4445, -4.775, 2.0315];
const ITERATIONS = 5;
const EPSILON = 1e-7;

/**
 * `matrix` [rows, columns] of any size to `orthogonal`: its singular values drawn towards 1 by a quintic Newton-Schulz
 * iteration, X <- a X + (b G + c G^2) X with G = X X^T, after division by the Frobenius norm. `tall` iterates with X^T X
 * instead, which is the smaller product when there are more rows than columns; the result is the same.
 */
export function newtonSchulz(shape: 'wide' | 'tall'): Uint8Array {
  const graph = new OnnxBuilder(`newton_schulz_${shape}`);
  const matrix = graph.input('matrix', 'float32', ['rows', 'columns']);
  const norm = graph.apply('norm', 'ReduceL2', [matrix], { keepdims: 0 });
  const divisor = graph.apply('divisor', 'Max', [norm, graph.constant('epsilon', 'float32', [], [EPSILON])]);
  let x = graph.apply('x', 'Div', [matrix, divisor]);
  const gemm = (name: string, inputs: readonly Value[], beta: number, transposed = {}) =>
    graph.apply(name, 'Gemm', inputs, { alpha: { float: 1 }, beta: { float: beta }, ...transposed });
  for (let i = 0; i < ITERATIONS; i++) {
    const gram = gemm(`gram.${i}`, [x, x], 1, shape === 'wide' ? { transB: 1 } : { transA: 1 });
    const update = graph.apply(`update.${i}`, 'Gemm', [gram, gram, gram], { alpha: { float: C }, beta: { float: B } });
    x = gemm(`x.${i}`, shape === 'wide' ? [update, x, x] : [x, update, x], A);
  }
  graph.output(graph.apply('orthogonal', 'Identity', [x]), 'float32', ['rows', 'columns']);
  return graph.build();
}
