import type { OnnxBuilder, Value } from './onnx-builder.js';

/** cap * tanh(x / cap); x itself without a cap. */
export function softcap(graph: OnnxBuilder, name: string, x: Value, cap: number | null): Value {
  if (cap === null) return x;
  const limit = graph.constant(`${name}.cap`, 'float32', [], [cap]);
  const shrunk = graph.apply(`${name}.shrunk`, 'Div', [x, limit]);
  return graph.apply(name, 'Mul', [graph.apply(`${name}.tanh`, 'Tanh', [shrunk]), limit]);
}
