import type { DecoderSpec } from '../model/types.js';
import type { OnnxBuilder, Value } from './onnx-builder.js';

/** What all layers share: where in the sequence the new tokens stand, and the shapes that follow from it. */
export interface SequenceInputs {
  readonly ids: Value;
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
export function sequenceInputs(graph: OnnxBuilder, spec: DecoderSpec, withPast: boolean): SequenceInputs {
  const ids = graph.input('input_ids', 'int64', ['B', 'S']);
  const cos = graph.input('cos', 'float32', ['R', spec.rope.geometry.rotaryDim / 2]);
  const sin = graph.input('sin', 'float32', ['R', spec.rope.geometry.rotaryDim / 2]);
  const localTables = spec.localRope && {
    cos: graph.input('local_cos', 'float32', ['R', spec.localRope.geometry.rotaryDim / 2]),
    sin: graph.input('local_sin', 'float32', ['R', spec.localRope.geometry.rotaryDim / 2]),
  };
  const lastPosition = graph.input('seqlens_k', 'int32', ['B']);
  const totalLength = graph.input('total_sequence_length', 'int32', []);
  const past = withPast ? pastInputs(graph, spec, 'B') : undefined;

  return {
    cos,
    sin,
    ...(localTables && { localTables }),
    lastPosition,
    ...(past && { past }),
    ...sequenceShapes(graph, ids, totalLength),
  };
}

/** `past_key_values.N.key` and `.value` per layer. */
export function pastInputs(graph: OnnxBuilder, spec: DecoderSpec, batch: string): NonNullable<SequenceInputs['past']> {
  return Array.from({ length: spec.layers }, (_, layer) => {
    const tensor = (what: 'key' | 'value') =>
      graph.input(`past_key_values.${layer}.${what}`, 'float32', [batch, spec.keyValueHeads, 'P', spec.headDim]);
    return { key: tensor('key'), value: tensor('value') };
  });
}

/** What follows from the ids [B, S] and T, an int32 scalar. */
export function sequenceShapes(
  graph: OnnxBuilder,
  ids: Value,
  totalLength: Value,
): Omit<SequenceInputs, 'cos' | 'sin' | 'localTables' | 'lastPosition' | 'past'> {
  const batchAndLength = graph.apply('batch_and_length', 'Shape', [ids]);
  const newLength = graph.apply('new_length', 'Shape', [ids], { start: 1, end: 2 });
  const total = graph.apply('total_int64', 'Cast', [totalLength], { to: 7 });
  const one = graph.constant('one', 'int64', [1], [1]);
  const presentLength = graph.apply('present_length', 'Reshape', [total, one]);
  // Not the size of the past inputs: a cache may have room for more than it holds.
  const pastLength = graph.apply('past_length', 'Sub', [presentLength, newLength]);

  const shapes = new Map<string, Value>();
  const once = (name: string, make: (name: string) => Value): Value => {
    const shape = shapes.get(name) ?? make(name);
    shapes.set(name, shape);
    return shape;
  };
  return {
    ids,
    totalLength,
    pastLength,
    presentLength,
    sequenceAxis: graph.constant('sequence_axis', 'int64', [1], [2]),
    shape: (...sizes) =>
      once(`shape.${sizes.join('x')}`, (name) =>
        graph.apply(name, 'Concat', [batchAndLength, graph.constant(`${name}.sizes`, 'int64', [sizes.length], sizes)], {
          axis: 0,
        }),
      ),
    rowShape: (width) => once(`rows.${width}`, (name) => graph.constant(name, 'int64', [2], [-1, width])),
  };
}
