import type { DecoderSpec } from '../model/types.js';
import type { RopeGeometry } from '../rope/types.js';
import { turnsApart } from './attention.js';
import { addDecoder } from './decoder.js';
import { addHead } from './head.js';
import { type ExternalBytes, OnnxBuilder, type Value } from './onnx-builder.js';
import { pastInputs, type SequenceInputs, sequenceShapes } from './sequence-inputs.js';
import type { WeightSource } from './weights.js';

/** A pair of rotary tables in a file, float32 [rows, rotaryDim / 2]. */
export interface RotaryTensors {
  readonly rows: number;
  readonly cos: ExternalBytes;
  readonly sin: ExternalBytes;
}

export interface CausalLmOptions {
  /** Tables for every length; or those up to `originalLength` tokens and those above, chosen by the whole length. */
  readonly tables:
    | { readonly all: RotaryTensors }
    | { readonly short: RotaryTensors; readonly long: RotaryTensors; readonly originalLength: number };
  /** Of local layers, which have one RoPE for every length; with a spec that has such layers. */
  readonly local?: RotaryTensors;
  /** `last`: of the last new token of every row only; those of a long prompt fill the memory. */
  readonly logits: 'all' | 'last';
}

/**
 * The whole model as programs for text generation run it, under the names that onnxruntime-genai and transformers.js use.
 *
 * Inputs: `input_ids` int64 [batch_size, S]; `attention_mask` int64 [batch_size, T], ones in front of zeros in every row, T the past
 * and the new tokens of the longest; `past_key_values.N.key` and `.value` float32 [batch_size, keyValueHeads, P, headDim].
 * Outputs: `logits` float32 [batch_size, S or 1, vocabulary]; `present.N.key` and `.value`, past and new ones. Positions follow
 * from the mask. The rotary tables are inside, and the length T chooses between the short and the long pair in every run, as in
 * transformers: keys in the cache stay as an earlier run has turned them.
 */
export function buildCausalLm(spec: DecoderSpec, weights: WeightSource, options: CausalLmOptions): Uint8Array {
  const graph = new OnnxBuilder('causal_lm');
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'S']);
  const mask = graph.input('attention_mask', 'int64', ['batch_size', 'T']);
  const past = pastInputs(graph, spec, 'batch_size');
  const one = graph.constant('mask.one', 'int64', [1], [1]);
  const counted = graph.apply('mask.tokens', 'ReduceSum', [mask, one], { keepdims: 0 });
  const lastPosition = graph.apply('last_position', 'Cast', [graph.apply('mask.last', 'Sub', [counted, one])], {
    to: INT32,
  });
  const length = graph.apply('mask.length', 'Shape', [mask], { start: 1, end: 2 });
  const scalar = graph.apply('mask.scalar_length', 'Squeeze', [length]);
  const totalLength = graph.apply('total_sequence_length', 'Cast', [scalar], { to: INT32 });
  const inputs: SequenceInputs = {
    ...sequenceShapes(graph, ids, totalLength),
    ...rotaryTables(graph, spec, scalar, options.tables),
    ...(spec.localRope && options.local
      ? { localTables: tablePair(graph, '_local', spec.localRope.geometry, options.local) }
      : {}),
    lastPosition,
    past,
    ...(turnsApart(spec) && { positions: rowPositions(graph, ids, lastPosition) }),
  };
  const hidden = addDecoder(graph, spec, weights, inputs, 'present');
  const rows = options.logits === 'all' ? hidden : lastRows(graph, hidden, inputs);
  const logits = addHead(graph, spec, weights, rows, 'logits.rows');
  const shape =
    options.logits === 'all'
      ? inputs.shape(spec.vocabularySize)
      : graph.constant('logits.shape', 'int64', [3], [-1, 1, spec.vocabularySize]);
  graph.output(graph.apply('logits', 'Reshape', [logits, shape]), 'float32', [
    'batch_size',
    options.logits === 'all' ? 'S' : 1,
    spec.vocabularySize,
  ]);
  return graph.build();
}

/** ONNX's number of the type. */
const INT32 = 6;
const INT64 = 7;

function rotaryTables(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  totalLength: Value,
  tables: CausalLmOptions['tables'],
): Pick<SequenceInputs, 'cos' | 'sin'> {
  const { geometry } = spec.rope;
  if ('all' in tables) return tablePair(graph, '', geometry, tables.all);
  const original = graph.constant('original_length', 'int64', [], [tables.originalLength]);
  const isLong = graph.apply('is_long', 'Greater', [totalLength, original]);
  const [long, short] = [
    tablePair(graph, '_large', geometry, tables.long),
    tablePair(graph, '_small', geometry, tables.short),
  ];
  const values = [
    [long.cos, long.sin],
    [short.cos, short.sin],
  ] as const;
  const shape = ['rows', geometry.rotaryDim / 2];
  const [cos, sin] = graph.choose('rope_caches', isLong, values, { names: ['cos', 'sin'], shape }) as [Value, Value];
  return { cos, sin };
}

function tablePair(
  graph: OnnxBuilder,
  suffix: string,
  { rotaryDim }: RopeGeometry,
  { rows, cos, sin }: RotaryTensors,
): { readonly cos: Value; readonly sin: Value } {
  return {
    cos: graph.external(`cos_cache${suffix}`, 'float32', [rows, rotaryDim / 2], cos),
    sin: graph.external(`sin_cache${suffix}`, 'float32', [rows, rotaryDim / 2], sin),
  };
}

/** Positions of the new tokens, [B, S]: those of a row end at its own last one, whatever the longest has. */
function rowPositions(graph: OnnxBuilder, ids: Value, lastPosition: Value): Value {
  const last = graph.apply('positions.last', 'Cast', [lastPosition], { to: INT64 });
  const newLength = graph.apply('positions.new_length', 'Shape', [ids], { start: 1, end: 2 });
  const [zero, one] = [0, 1].map((value) => graph.constant(`positions.${value}`, 'int64', [1], [value]));
  const behind = graph.apply('positions.behind', 'Add', [last, one!]);
  // A first run has rows that end within its new tokens, which then count from 0.
  const first = graph.apply('positions.first', 'Max', [
    graph.apply('positions.before', 'Sub', [behind, newLength]),
    zero!,
  ]);
  const scalars = ['from', 'by'].map((name, value) => graph.constant(`positions.${name}`, 'int64', [], [value]));
  const steps = graph.apply('positions.steps', 'Range', [
    scalars[0]!,
    graph.apply('positions.count', 'Squeeze', [newLength]),
    scalars[1]!,
  ]);
  const column = graph.apply('positions.column', 'Unsqueeze', [first, one!]);
  return graph.apply('positions', 'Add', [column, steps]);
}

/**
 * The hidden state of the last new token of every row, [B, hiddenSize]: row b * S + last - past of the flattened ones, but 0
 * behind a past that is longer than the row's own.
 */
function lastRows(graph: OnnxBuilder, hidden: Value, { ids, lastPosition, pastLength }: SequenceInputs): Value {
  const last = graph.apply('logits.last', 'Cast', [lastPosition], { to: INT64 });
  const none = graph.constant('logits.none', 'int64', [1], [0]);
  const within = graph.apply('logits.within', 'Max', [
    graph.apply('logits.after_past', 'Sub', [last, pastLength]),
    none,
  ]);
  const newLength = graph.apply('logits.new_length', 'Shape', [ids], { start: 1, end: 2 });
  const batch = graph.apply('logits.batch', 'Squeeze', [graph.apply('logits.batch_size', 'Shape', [ids], { end: 1 })]);
  const scalars = ['zero', 'one'].map((name, value) => graph.constant(`logits.${name}`, 'int64', [], [value]));
  const numbers = graph.apply('logits.numbers', 'Range', [scalars[0]!, batch, scalars[1]!]);
  const first = graph.apply('logits.first', 'Mul', [numbers, newLength]);
  return graph.apply('logits.hidden', 'Gather', [hidden, graph.apply('logits.index', 'Add', [first, within])]);
}
