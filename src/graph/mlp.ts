import type { DecoderSpec } from '../model/types.js';
import { linear } from './linear.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { WeightSource } from './weights.js';

/** down(activation(gate(x)) * up(x)); `prefix` is that of the layer, without "model.". */
export function mlp(graph: OnnxBuilder, spec: DecoderSpec, weights: WeightSource, prefix: string, x: Value): Value {
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
