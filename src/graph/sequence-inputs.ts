import type { DecoderSpec } from '../model/types.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';

/**
 * What a graph is for. `device`: every node must have a kernel on a GPU, and none is left to the CPU. Arithmetic with shapes has
 * none there, so shapes and positions are inputs, which the session fills in (`givenInput`).
 */
export type GraphTarget = 'cpu' | 'device';

const SHAPE = 'shape.';

/** What all layers share: where in the sequence the new tokens stand, and the shapes that follow from it. */
export interface SequenceInputs {
  /** int64 [B, S], or [B * S] in a graph for a device. */
  readonly ids: Value;
  readonly idsAreFlat?: true;
  readonly cos: Value;
  readonly sin: Value;
  /** Those of local layers, where there are any. */
  readonly localTables?: { readonly cos: Value; readonly sin: Value };
  /** int32 [B] = T - 1. */
  readonly lastPosition: Value;
  /** int32 scalar = T. */
  readonly totalLength: Value;
  /** int64 [1] = T - S. */
  readonly pastLength: Value;
  /** int64 [B, S], of every new token; without, all rows go on at `pastLength`. */
  readonly positions?: Value;
  /** int64 [1] = T. */
  readonly presentLength: Value;
  /** int64 [1] = 2, the axis of positions in keys and values. */
  readonly sequenceAxis: Value;
  /** Cached keys and values per layer. */
  readonly past?: readonly { readonly key: Value; readonly value: Value }[];
  /** The shape [B, S, ...sizes]. */
  shape(...sizes: readonly number[]): Value;
  /** The shape [B * S, width]. */
  rowShape(width: number): Value;
}

/** Declares the inputs of a decoder graph; `withPast` adds `past_key_values.N.key` and `.value` per layer. */
export function sequenceInputs(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  withPast: boolean,
  target: GraphTarget = 'cpu',
): SequenceInputs {
  const ids = graph.input('input_ids', 'int64', target === 'device' ? ['N'] : ['B', 'S']);
  const cos = graph.input('cos', 'float32', ['R', spec.rope.geometry.rotaryDim / 2]);
  const sin = graph.input('sin', 'float32', ['R', spec.rope.geometry.rotaryDim / 2]);
  const localTables = spec.localRope && {
    cos: graph.input('local_cos', 'float32', ['R', spec.localRope.geometry.rotaryDim / 2]),
    sin: graph.input('local_sin', 'float32', ['R', spec.localRope.geometry.rotaryDim / 2]),
  };
  const lastPosition = graph.input('seqlens_k', 'int32', ['B']);
  const totalLength = graph.input('total_sequence_length', 'int32', []);
  const past = withPast ? pastInputs(graph, spec, 'B') : undefined;

  const shapes = target === 'device' ? givenShapes(graph, ids, totalLength) : sequenceShapes(graph, ids, totalLength);
  // Not spread: what a device graph is given is declared when it is first asked for.
  return Object.assign(shapes, { cos, sin, ...(localTables && { localTables }), lastPosition, ...(past && { past }) });
}

/** `past_key_values.N.key` and `.value` per layer. */
export function pastInputs(graph: OnnxBuilder, spec: DecoderSpec, batch: string): NonNullable<SequenceInputs['past']> {
  return Array.from({ length: spec.layers }, (_, layer) => {
    const tensor = (what: 'key' | 'value') =>
      graph.input(`past_key_values.${layer}.${what}`, 'float32', [batch, spec.keyValueHeads, 'P', spec.headDim]);
    return { key: tensor('key'), value: tensor('value') };
  });
}

type Shapes = Omit<SequenceInputs, 'cos' | 'sin' | 'localTables' | 'lastPosition' | 'past'>;

/** What follows from the ids [B, S] and T, an int32 scalar. */
export function sequenceShapes(graph: OnnxBuilder, ids: Value, totalLength: Value): Shapes {
  const batchAndLength = graph.apply('batch_and_length', 'Shape', [ids]);
  const newLength = graph.apply('new_length', 'Shape', [ids], { start: 1, end: 2 });
  const total = graph.apply('total_int64', 'Cast', [totalLength], { to: 7 });
  const one = graph.constant('one', 'int64', [1], [1]);
  const presentLength = graph.apply('present_length', 'Reshape', [total, one]);
  // Not the size of the past inputs: a cache may have room for more than it holds.
  const pastLength = graph.apply('past_length', 'Sub', [presentLength, newLength]);

  const once = memory();
  return {
    ids,
    totalLength,
    pastLength,
    presentLength,
    sequenceAxis: graph.constant('sequence_axis', 'int64', [1], [2]),
    shape: (...sizes) =>
      once(`${SHAPE}${sizes.join('x')}`, (name) =>
        graph.apply(name, 'Concat', [batchAndLength, graph.constant(`${name}.sizes`, 'int64', [sizes.length], sizes)], {
          axis: 0,
        }),
      ),
    rowShape: (width) => once(`rows.${width}`, (name) => graph.constant(name, 'int64', [2], [-1, width])),
  };
}

/** The same as inputs of the graph. */
function givenShapes(graph: OnnxBuilder, ids: Value, totalLength: Value): Shapes {
  const once = memory();
  const length = (name: 'past_length' | 'present_length') => once(name, () => graph.input(name, 'int64', [1]));
  return {
    ids,
    idsAreFlat: true,
    totalLength,
    get pastLength() {
      return length('past_length');
    },
    get presentLength() {
      return length('present_length');
    },
    sequenceAxis: graph.constant('sequence_axis', 'int64', [1], [2]),
    shape: (...sizes) => once(`${SHAPE}${sizes.join('x')}`, (name) => graph.input(name, 'int64', [2 + sizes.length])),
    rowShape: (width) => once(`rows.${width}`, (name) => graph.constant(name, 'int64', [2], [-1, width])),
  };
}

/** Values of a graph by name, each made once. */
function memory(): (name: string, make: (name: string) => Value) => Value {
  const known = new Map<string, Value>();
  return (name, make) => {
    const value = known.get(name) ?? make(name);
    known.set(name, value);
    return value;
  };
}

/** The value of an input that only a device graph has, int64 [n], for `rows` rows of `length` new tokens; null for others. */
export function givenInput(
  name: string,
  { rows, length, total }: { readonly rows: number; readonly length: number; readonly total: number },
): readonly number[] | null {
  if (name === 'past_length') return [total - length];
  if (name === 'present_length') return [total];
  return name.startsWith(SHAPE) ? [rows, length, ...name.slice(SHAPE.length).split('x').map(Number)] : null;
}
