import type { DecoderSpec } from '../model/types.js';
import { linear } from './linear.js';
import { rmsNorm } from './norm.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';
import type { SequenceInputs } from './sequence-inputs.js';
import type { WeightSource } from './weights.js';

export interface Attention {
  /** [B * S, hiddenSize] */
  readonly output: Value;
  /** [B * S, heads * headDim], before the output projection. */
  readonly rows: Value;
  /** Past and new ones, [B, keyValueHeads, T, headDim]; keys are rotated. */
  readonly presentKey: Value;
  readonly presentValue: Value;
}

/** Projections, rotation and causal attention of one layer; x is [B * S, hiddenSize]. */
export function attention(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  layer: number,
  x: Value,
  inputs: SequenceInputs,
): Attention {
  const name = `layers.${layer}.self_attn`;
  const turn = tables(spec, layer, inputs);
  const fused = turn !== null && fusesRotary(spec, turn.rotaryDim);
  const project = (what: 'q' | 'k' | 'v', heads: number) => {
    const rows = linear(graph, weights, `${name}.${what}_proj`, x);
    if (what === 'v') return graph.apply(`${name}.v`, 'Reshape', [rows, inputs.shape(heads * spec.headDim)]);
    const normed = queryKeyNorm(graph, spec, weights, `${name}.${what}_norm`, rows, heads, inputs);
    return turn === null || fused
      ? graph.apply(`${name}.${what}`, 'Reshape', [normed, inputs.shape(heads * spec.headDim)])
      : rotary(graph, spec, `${name}.${what}`, normed, { heads, inputs, ...turn });
  };
  const past = inputs.past?.[layer];
  // The present outputs are named even where nobody reads them: without names the tiled kernel is off and values are wrong
  // once a past is given (interop 4.4).
  const [attended, presentKey, presentValue] = graph.node(
    `${name}.attention`,
    'com.microsoft.GroupQueryAttention',
    [
      project('q', spec.heads),
      project('k', spec.keyValueHeads),
      project('v', spec.keyValueHeads),
      past?.key ?? null,
      past?.value ?? null,
      inputs.lastPosition,
      inputs.totalLength,
      ...(fused ? [turn.cos, turn.sin] : []),
    ],
    {
      num_heads: spec.heads,
      kv_num_heads: spec.keyValueHeads,
      scale: { float: spec.attentionScale },
      softcap: { float: spec.attentionSoftcap ?? 0 },
      local_window_size: spec.slidingWindow[layer] ?? -1,
      do_rotary: fused ? 1 : 0,
      rotary_interleaved: spec.rotaryPairing === 'adjacent' ? 1 : 0,
    },
    ['', 'present_key', 'present_value'],
  ) as [Value, Value, Value];
  const rows = graph.apply(`${name}.rows`, 'Reshape', [attended, inputs.rowShape(spec.heads * spec.headDim)]);
  return { output: linear(graph, weights, `${name}.o_proj`, rows), rows, presentKey, presentValue };
}

interface Tables {
  readonly cos: Value;
  readonly sin: Value;
  readonly rotaryDim: number;
}

/** The tables a layer turns by; null: it does not turn. */
function tables(spec: DecoderSpec, layer: number, { cos, sin, localTables }: SequenceInputs): Tables | null {
  switch (spec.rotation[layer]) {
    case 'none':
      return null;
    case 'local':
      if (spec.localRope === null || localTables === undefined) throw new Error(`layer ${layer} has no local RoPE`);
      return { ...localTables, rotaryDim: spec.localRope.geometry.rotaryDim };
    default:
      return { cos, sin, rotaryDim: spec.rope.geometry.rotaryDim };
  }
}

/** Whether some layer is turned by a node of its own, which has to be told the positions. */
export function turnsApart(spec: DecoderSpec): boolean {
  const { rope, localRope } = spec;
  return [rope, ...(localRope ? [localRope] : [])].some(({ geometry }) => !fusesRotary(spec, geometry.rotaryDim));
}

/** What GroupQueryAttention's own rotation accepts (interop 4.3). */
function fusesRotary(spec: DecoderSpec, rotaryDim: number): boolean {
  return spec.headDim % 16 === 0 && (rotaryDim / 2) % 8 === 0;
}

/** Norm of queries or keys, [B * S, heads * headDim] rows or, per head, [B, S, heads, headDim]. */
function queryKeyNorm(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  name: string,
  rows: Value,
  heads: number,
  inputs: SequenceInputs,
): Value {
  if (spec.queryKeyNorm === 'none') return rows;
  const x =
    spec.queryKeyNorm === 'projection'
      ? rows
      : graph.apply(`${name}.heads`, 'Reshape', [rows, inputs.shape(heads, spec.headDim)]);
  return rmsNorm(graph, spec, weights, { name, x });
}

/** Rotation as a node of its own, for head sizes the attention kernel cannot rotate; [B * S, width] to [B, S, width]. */
function rotary(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  name: string,
  rows: Value,
  { heads, inputs, cos, sin, rotaryDim }: Tables & { readonly heads: number; readonly inputs: SequenceInputs },
): Value {
  const split = graph.apply(`${name}.split`, 'Reshape', [rows, inputs.shape(heads, spec.headDim)]);
  const headsFirst = graph.apply(`${name}.heads`, 'Transpose', [split], { perm: [0, 2, 1, 3] });
  const rotated = graph.apply(
    `${name}.rotated`,
    'com.microsoft.RotaryEmbedding',
    // One position is enough where rows are of one length: that of the first new token.
    [headsFirst, inputs.positions ?? inputs.pastLength, cos, sin],
    {
      interleaved: spec.rotaryPairing === 'adjacent' ? 1 : 0,
      ...(rotaryDim < spec.headDim ? { rotary_embedding_dim: rotaryDim, num_heads: heads } : {}),
    },
  );
  const rowsFirst = graph.apply(`${name}.sequence`, 'Transpose', [rotated], { perm: [0, 2, 1, 3] });
  return graph.apply(name, 'Reshape', [rowsFirst, inputs.shape(heads * spec.headDim)]);
}
