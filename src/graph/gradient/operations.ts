import type { Attribute } from '../onnx-builder.js';
import type { Dimension, ElementKind, Expression, Operation, Operator, Shape } from './expression.js';

/**
 * Makers of the plain operations: each infers its shape and refuses operands that do not fit, so that a mistake shows where the
 * graph is written and not when it runs. Axes are counted from the front.
 */
function operation(
  op: Operator,
  inputs: readonly Expression[],
  shape: Shape,
  attributes: Readonly<Record<string, Attribute>> = {},
  type: ElementKind = (inputs[0] as Expression).type,
): Operation {
  return { kind: 'operation', op, inputs, shape, attributes, type };
}

type Binary = (a: Expression, b: Expression) => Operation;
type Unary = (x: Expression) => Operation;

const binary =
  (op: Operator, type?: ElementKind): Binary =>
  (a, b) =>
    operation(op, [a, b], broadcast(a.shape, b.shape), {}, type ?? a.type);
const unary =
  (op: Operator): Unary =>
  (x) =>
    operation(op, [x], x.shape);

export const add = binary('Add');
export const sub = binary('Sub');
export const mul = binary('Mul');
export const div = binary('Div');
export const lessOrEqual = binary('LessOrEqual', 'bool');
export const and = binary('And', 'bool');
export const neg = unary('Neg');
export const exp = unary('Exp');
export const log = unary('Log');
export const sqrt = unary('Sqrt');
export const sigmoid = unary('Sigmoid');
export const tanh = unary('Tanh');

/** x to a constant power. */
export function pow(x: Expression, exponent: number): Operation {
  return operation('Pow', [x], x.shape, { exponent: { float: exponent } });
}

export function where(condition: Expression, yes: Expression, no: Expression): Operation {
  const shape = broadcast(condition.shape, broadcast(yes.shape, no.shape));
  return operation('Where', [condition, yes, no], shape, {}, yes.type);
}

/** Sums and means keep the reduced axes with size 1. */
export function reduceSum(x: Expression, axes: readonly number[]): Operation {
  return operation('ReduceSum', [x], reduced(x.shape, axes), { axes });
}

export function reduceMean(x: Expression, axes: readonly number[]): Operation {
  return operation('ReduceMean', [x], reduced(x.shape, axes), { axes });
}

/** Along the last axis, as the next one. */
export const softmax: Unary = (x) => operation('Softmax', [x], x.shape, { axis: -1 });
export const logSoftmax: Unary = (x) => operation('LogSoftmax', [x], x.shape, { axis: -1 });

/** The last two axes are multiplied, the ones before are broadcast. */
export const matMul: Binary = (a, b) => {
  const [inner, other] = [a.shape.at(-1), b.shape.at(-2)];
  if (a.shape.length < 2 || b.shape.length < 2 || inner !== other) throw misfit('MatMul', a.shape, b.shape);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return operation('MatMul', [a, b], [...batch, a.shape.at(-2) as Dimension, b.shape.at(-1) as Dimension]);
};

export interface GemmOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  readonly alpha?: number;
}

/** alpha a b of two matrices, either of them transposed first. */
export function gemm(
  a: Expression,
  b: Expression,
  { transA = false, transB = false, alpha = 1 }: GemmOptions = {},
): Operation {
  const [rows, inner] = transA ? a.shape.toReversed() : a.shape;
  const [other, columns] = transB ? b.shape.toReversed() : b.shape;
  if (a.shape.length !== 2 || b.shape.length !== 2 || inner !== other) throw misfit('Gemm', a.shape, b.shape);
  return operation('Gemm', [a, b], [rows as Dimension, columns as Dimension], {
    transA: Number(transA),
    transB: Number(transB),
    alpha: { float: alpha },
  });
}

/** At most one size may be a name. */
export function reshape(x: Expression, shape: Shape): Operation {
  if (shape.filter((size) => typeof size === 'string').length > 1) throw misfit('Reshape', x.shape, shape);
  return operation('Reshape', [x], shape);
}

export function transpose(x: Expression, perm: readonly number[]): Operation {
  return operation(
    'Transpose',
    [x],
    perm.map((axis) => x.shape[axis] as Dimension),
    { perm },
  );
}

/** The last two axes exchanged. */
export function swapLast(x: Expression): Operation {
  const rank = x.shape.length;
  return transpose(x, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
}

/** x repeated along its axes of size 1 to the shape of `like`. */
export const expand: Binary = (x, like) => operation('Expand', [x, like], like.shape);

/** Entries start..end-1 of one axis of known size. */
export function slice(x: Expression, axis: number, start: number, end: number): Operation {
  const size = knownSize(x.shape, axis);
  if (start < 0 || end > size || start >= end) throw misfit(`Slice ${start}..${end} of axis ${axis}`, x.shape);
  return operation('Slice', [x], x.shape.with(axis, end - start), { axis, start, end });
}

/** Zeros before and after the entries of one axis of known size. */
export function pad(x: Expression, axis: number, before: number, after: number): Operation {
  return operation('Pad', [x], x.shape.with(axis, before + knownSize(x.shape, axis) + after), { axis, before, after });
}

/** `size` names the sum where the sizes of the parts are names. */
export function concat(parts: readonly Expression[], axis: number, size: Dimension = knownSum(parts, axis)): Operation {
  return operation('Concat', parts, (parts[0] as Expression).shape.with(axis, size), { axis });
}

/** Rows of a matrix by their numbers, int64 [N]. */
export function gather(matrix: Expression, rows: Expression): Operation {
  return operation('Gather', [matrix, rows], [rows.shape[0] as Dimension, matrix.shape[1] as Dimension], { axis: 0 });
}

/** The inverse of it: rows added into zeros of the shape of `like`, at numbers int64 [N] that may repeat. */
export function scatterRows(like: Expression, rows: Expression, updates: Expression): Operation {
  return operation('ScatterND', [like, rows, updates], like.shape, { reduction: 'add' });
}

/** Entries of every row of a matrix, columns int64 [N, k]. */
export function gatherElements(matrix: Expression, columns: Expression): Operation {
  return operation('GatherElements', [matrix, columns], columns.shape, { axis: 1 });
}

/** A matrix with `updates` added to some entries of every row, columns int64 [N, k]. */
export function scatterElements(into: Expression, columns: Expression, updates: Expression): Operation {
  return operation('ScatterElements', [into, columns, updates], into.shape, { axis: 1, reduction: 'add' });
}

/** The shape of numpy's broadcasting. A named size fits itself and 1. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a[axis - rank + a.length] ?? 1, b[axis - rank + b.length] ?? 1];
    if (left !== right && left !== 1 && right !== 1) throw misfit('broadcast', a, b);
    return left === 1 ? right : left;
  });
}

export function knownSize(shape: Shape, axis: number): number {
  const size = shape[axis];
  if (typeof size !== 'number') throw misfit(`size of axis ${axis}`, shape);
  return size;
}

function knownSum(parts: readonly Expression[], axis: number): number {
  return parts.reduce((total, { shape }) => total + knownSize(shape, axis), 0);
}

function reduced(shape: Shape, axes: readonly number[]): Shape {
  return shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

function misfit(what: string, ...shapes: readonly Shape[]): Error {
  return new Error(`${what}: shapes ${shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ')} do not fit`);
}
