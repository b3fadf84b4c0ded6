import { layerNorms } from '../model/layer-norms.js';
import type { DecoderSpec } from '../model/types.js';
import { attention } from './attention.js';
import { feedForward } from './feed-forward.js';
import type { StepGraph } from './gradient/backward-graphs.js';
import { rmsNorm } from './norm.js';
import { OnnxBuilder, type Value } from './onnx-builder.js';
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
  const norms = layerNorms(spec.normPlacement);
  const norm = (module: string | null, x: Value) =>
    module === null ? x : rmsNorm(graph, spec, weights, { name: `layers.${layer}.${module}`, x });
  const inputs = sequenceInputs(graph, spec, false);
  const x = graph.input('x', 'float32', ['N', spec.hiddenSize]);
  const attended = attention(graph, spec, weights, layer, norm(norms.beforeAttention, x), inputs);
  const middle = graph.apply('middle', 'Add', [x, norm(norms.afterAttention, attended.output)]);
  const expanded = feedForward(graph, spec, weights, layer, norm(norms.beforeMlp, middle));
  const y = graph.apply('y', 'Add', [middle, norm(norms.afterMlp, expanded)]);
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
