import { layerNorms } from '../model/layer-norms.js';
import type { DecoderSpec } from '../model/types.js';
import { feedForward } from './feed-forward.js';
import type { StepGraph } from './gradient/backward-graphs.js';
import { linear } from './linear.js';
import { rmsNorm } from './norm.js';
import { OnnxBuilder, type Value } from './onnx-builder.js';
import { WeightInputs } from './weights.js';

/**
 * The forward pass of a layer in steps, with the kernels of the decoder: what a backward pass needs lies between them. The first
 * step, from a layer's input to rotated queries and keys and values, is `attentionInputs`.
 */

/**
 * Causal attention of B sequences of S tokens: inputs `q` [B, S, heads * headDim], `k` and `v` [B, S, keyValueHeads * headDim],
 * `seqlens_k` int32 [B] = S - 1 and `total_sequence_length` int32 = S; output `attended` like `q`, before its projection.
 */
export function attentionForward(spec: DecoderSpec, window: number | null): StepGraph {
  const graph = new OnnxBuilder('attention');
  const rows = (name: string, heads: number) => graph.input(name, 'float32', ['B', 'S', heads * spec.headDim]);
  const [attended] = graph.node(
    'attention',
    'com.microsoft.GroupQueryAttention',
    [
      rows('q', spec.heads),
      rows('k', spec.keyValueHeads),
      rows('v', spec.keyValueHeads),
      null,
      null,
      graph.input('seqlens_k', 'int32', ['B']),
      graph.input('total_sequence_length', 'int32', []),
    ],
    {
      num_heads: spec.heads,
      kv_num_heads: spec.keyValueHeads,
      scale: { float: spec.attentionScale },
      local_window_size: window ?? -1,
    },
    // Unnamed present outputs would switch the tiled kernel off.
    ['', 'present_key', 'present_value'],
  ) as [Value, Value, Value];
  const output = graph.apply('attended', 'Identity', [attended]);
  graph.output(output, 'float32', ['B', 'S', spec.heads * spec.headDim]);
  return { name: 'attention', model: graph.build(), parameters: [], outputs: ['attended'], gradients: new Map() };
}

/** Inputs `x` [N, hiddenSize], the layer's input, and `attended` [N, heads * headDim]; output `y` [N, hiddenSize], the layer's. */
export function afterAttentionForward(spec: DecoderSpec): StepGraph {
  const graph = new OnnxBuilder('after attention');
  const weights = new WeightInputs(spec);
  const norms = layerNorms(spec.normPlacement);
  const norm = (module: string | null, x: Value) =>
    module === null ? x : rmsNorm(graph, spec, weights, { name: `layers.0.${module}`, x });
  const x = graph.input('x', 'float32', ['N', spec.hiddenSize]);
  const attended = graph.input('attended', 'float32', ['N', spec.heads * spec.headDim]);
  const projected = linear(graph, weights, 'layers.0.self_attn.o_proj', attended);
  const middle = graph.apply('middle', 'Add', [x, norm(norms.afterAttention, projected)]);
  const expanded = feedForward(graph, spec, weights, 0, norm(norms.beforeMlp, middle));
  const y = graph.apply('y', 'Add', [middle, norm(norms.afterMlp, expanded)]);
  graph.output(y, 'float32', ['N', spec.hiddenSize]);
  return {
    name: 'after attention',
    model: graph.build(),
    parameters: weights.names,
    outputs: ['y'],
    gradients: new Map(),
  };
}
