import { OnnxBuilder } from './onnx-builder.js';

/** `base` [rows, columns], `a` [rank, columns] and `b` [rows, rank] to `sum` = base + scale b a. */
export function lowRankSum(scale: number): Uint8Array {
  const graph = new OnnxBuilder('low_rank_sum');
  const base = graph.input('base', 'float32', ['rows', 'columns']);
  const a = graph.input('a', 'float32', ['rank', 'columns']);
  const b = graph.input('b', 'float32', ['rows', 'rank']);
  const sum = graph.apply('sum', 'Gemm', [b, a, base], { alpha: { float: scale } });
  graph.output(sum, 'float32', ['rows', 'columns']);
  return graph.build();
}

/** The gradient of that sum to those of its factors: `d_a` = scale bᵀ d and `d_b` = scale d aᵀ. */
export function lowRankGradient(scale: number): Uint8Array {
  const graph = new OnnxBuilder('low_rank_gradient');
  const d = graph.input('d', 'float32', ['rows', 'columns']);
  const a = graph.input('a', 'float32', ['rank', 'columns']);
  const b = graph.input('b', 'float32', ['rows', 'rank']);
  const alpha = { alpha: { float: scale } };
  graph.output(graph.apply('d_a', 'Gemm', [b, d], { ...alpha, transA: 1 }), 'float32', ['rank', 'columns']);
  graph.output(graph.apply('d_b', 'Gemm', [d, a], { ...alpha, transB: 1 }), 'float32', ['rows', 'rank']);
  return graph.build();
}
