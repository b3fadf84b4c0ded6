import type { DecoderSpec } from '../model/types.js';
import { linear } from './linear.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { WeightTable } from './weights.js';

export interface AttentionInputs {
  readonly cos: Value;
  readonly sin: Value;
  readonly lastPosition: Value;
  readonly totalLength: Value;
}

/** Projections, rotation and causal attention of one layer; [1, T, hiddenSize] in and out. */
export function attention(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightTable,
  layer: number,
  x: Value,
  inputs: AttentionInputs,
): Value {
  const name = `layers.${layer}.self_attn`;
  const queryWidth = spec.heads * spec.headDim;
  const keyWidth = spec.keyValueHeads * spec.headDim;
  const query = linear(graph, weights, `${name}.q_proj`, x, spec.hiddenSize, queryWidth);
  const key = linear(graph, weights, `${name}.k_proj`, x, spec.hiddenSize, keyWidth);
  const value = linear(graph, weights, `${name}.v_proj`, x, spec.hiddenSize, keyWidth);
  const fused = fusesRotary(spec);
  const rotate = (what: 'q' | 'k', rows: Value) =>
    fused ? rows : rotary(graph, spec, `${name}.${what}_rotary`, rows, inputs);
  // The present outputs are named although nobody reads them: without names the tiled kernel is off and values are wrong
  // once a past is given (interop 4.4).
  const [attended] = graph.node(
    `${name}.attention`,
    'com.microsoft.GroupQueryAttention',
    [
      rotate('q', query),
      rotate('k', key),
      value,
      null,
      null,
      inputs.lastPosition,
      inputs.totalLength,
      ...(fused ? [inputs.cos, inputs.sin] : []),
    ],
    {
      num_heads: spec.heads,
      kv_num_heads: spec.keyValueHeads,
      scale: { float: spec.attentionScale },
      local_window_size: spec.slidingWindow[layer] ?? -1,
      do_rotary: fused ? 1 : 0,
      rotary_interleaved: spec.rotaryPairing === 'adjacent' ? 1 : 0,
    },
    ['', 'present_key', 'present_value'],
  );
  return linear(graph, weights, `${name}.o_proj`, attended as Value, queryWidth, spec.hiddenSize);
}

/** What GroupQueryAttention's own rotation accepts (interop 4.3). */
function fusesRotary(spec: DecoderSpec): boolean {
  return spec.headDim % 16 === 0 && (spec.rope.geometry.rotaryDim / 2) % 8 === 0;
}

/** Rotation as a node of its own, for head sizes the attention kernel cannot rotate. */
function rotary(graph: OnnxBuilder, spec: DecoderSpec, name: string, rows: Value, inputs: AttentionInputs): Value {
  const heads = name.endsWith('q_rotary') ? spec.heads : spec.keyValueHeads;
  const width = spec.headDim;
  const split = graph.apply(`${name}.split`, 'Reshape', [
    rows,
    graph.constant(`${name}.split.shape`, 'int64', [4], [1, -1, heads, width]),
  ]);
  const headsFirst = graph.apply(`${name}.heads`, 'Transpose', [split], { perm: [0, 2, 1, 3] });
  const start = graph.constant(`${name}.start`, 'int64', [1], [0]);
  const rotated = graph.apply(
    `${name}.rotated`,
    'com.microsoft.RotaryEmbedding',
    [headsFirst, start, inputs.cos, inputs.sin],
    {
      interleaved: spec.rotaryPairing === 'adjacent' ? 1 : 0,
      ...(spec.rope.geometry.rotaryDim < width
        ? { rotary_embedding_dim: spec.rope.geometry.rotaryDim, num_heads: heads }
        : {}),
    },
  );
  const rowsFirst = graph.apply(`${name}.rows`, 'Transpose', [rotated], { perm: [0, 2, 1, 3] });
  return graph.apply(name, 'Reshape', [
    rowsFirst,
    graph.constant(`${name}.shape`, 'int64', [3], [1, -1, heads * width]),
  ]);
}
