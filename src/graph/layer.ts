import type { DecoderSpec } from '../model/types.js';
import { attention } from './attention.js';
import type { StepGraph } from './gradient/backward-graphs.js';
import { mlp } from './mlp.js';
import { addAndNormalise, normalise } from './norm.js';
import { OnnxBuilder } from './onnx-builder.js';
import { sequenceInputs } from './sequence-inputs.js';
import { WeightInputs } from './weights.js';

/**
 * One layer by itself with the kernels of the decoder, its weights as inputs: what is kept between the forward and the backward
 * pass lies between layers. Inputs as `buildDecoder` without a cache, of `input_ids` only the shape is read, and `x` [B * S, hiddenSize].
 * Outputs `attended` [B * S, heads * headDim], the result of attention before its projection, and `y` [B * S, hiddenSize].
 */
export function buildLayer(spec: DecoderSpec, layer: number): StepGraph {
  const graph = new OnnxBuilder(`layer ${layer}`);
  const weights = new WeightInputs(spec);
  const prefix = `layers.${layer}`;
  const inputs = sequenceInputs(graph, spec, false);
  const x = graph.input('x', 'float32', ['N', spec.hiddenSize]);
  const attended = attention(
    graph,
    spec,
    weights,
    layer,
    normalise(graph, spec, weights, `${prefix}.input_layernorm`, x),
    inputs,
  );
  const [normed, residual] = addAndNormalise(graph, spec, weights, {
    name: `${prefix}.post_attention_layernorm`,
    weight: `model.${prefix}.post_attention_layernorm.weight`,
    update: attended.output,
    residual: x,
  });
  const y = graph.apply('y', 'Add', [residual, mlp(graph, spec, weights, prefix, normed)]);
  graph.output(graph.apply('attended', 'Identity', [attended.rows]), 'float32', ['N', spec.heads * spec.headDim]);
  graph.output(y, 'float32', ['N', spec.hiddenSize]);
  return {
    name: graph.name,
    model: graph.build(),
    parameters: weights.names,
    outputs: ['attended', 'y'],
    gradients: new Map<string, string>(),
  };
}
