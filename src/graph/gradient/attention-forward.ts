import type { DecoderSpec } from '../../model/types.js';
import { OnnxBuilder, type Value } from '../onnx-builder.js';
import type { StepGraph } from './backward-graphs.js';

/**
 * Causal attention of B sequences of S tokens with the kernel of the decoder, no rotation: inputs `q` [B, S, heads * headDim], `k` and `v` [B, S, keyValueHeads * headDim],
 * `seqlens_k` int32 [B] = S - 1 and `total_sequence_length` int32 = S; output `attended` like `q`, before its projection.
 */
export function attentionForward(spec: DecoderSpec, window: number | null): StepGraph {
  const graph = new OnnxBuilder('attention');
  const rows = (name: string, heads: number) => graph.input(name, 'float32', ['B', 'S', heads * spec.headDim]);
  const [attended] = graph.node(
    'attended',
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
  graph.output(attended, 'float32', ['B', 'S', spec.heads * spec.headDim]);
  return { name: 'attention', model: graph.build(), parameters: [], gradients: new Map() };
}
