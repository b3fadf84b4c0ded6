import type { Condition, Expression, Operation, Operator, Shape } from './expression.js';
import { scalar } from './expression.js';
import * as o from './operations.js';

/**
 * The chain rule of one operation: from `dy`, the derivative of the loss with respect to the result `y`, to the derivatives with
 * respect to its inputs, in their order and shapes; null where an input has none. Expressions that nobody asks for cost nothing.
 */
export type Rule = (dy: Expression, y: Operation) => readonly (Expression | null)[];

/** One line per operation where possible; x, a, b name the inputs. A rule that is missing here cannot be forgotten: it is a type error. */
export const RULES: Readonly<Record<Exclude<Operator, Condition>, Rule>> = {
  Add: (dy, y) => [sumTo(dy, first(y)), sumTo(dy, second(y))],
  Sub: (dy, y) => [sumTo(dy, first(y)), sumTo(o.neg(dy), second(y))],
  Mul: (dy, y) => [sumTo(o.mul(dy, second(y)), first(y)), sumTo(o.mul(dy, first(y)), second(y))],
  Div: (dy, y) => [sumTo(o.div(dy, second(y)), first(y)), sumTo(o.neg(o.div(o.mul(dy, y), second(y))), second(y))],
  Neg: (dy) => [o.neg(dy)],
  Exp: (dy, y) => [o.mul(dy, y)],
  Log: (dy, y) => [o.div(dy, first(y))],
  Sqrt: (dy, y) => [o.div(o.mul(dy, scalar(0.5)), y)],
  Pow: (dy, y) => {
    const { float: exponent } = y.attributes['exponent'] as { readonly float: number };
    return [o.mul(dy, o.mul(o.pow(first(y), exponent - 1), scalar(exponent)))];
  },
  Sigmoid: (dy, y) => [o.mul(dy, o.mul(y, o.sub(scalar(1), y)))],
  Tanh: (dy, y) => [o.mul(dy, o.sub(scalar(1), o.mul(y, y)))],
  Where: (dy, y) => {
    const [condition, yes, no] = y.inputs as [Expression, Expression, Expression];
    return [null, sumTo(o.where(condition, dy, scalar(0)), yes), sumTo(o.where(condition, scalar(0), dy), no)];
  },
  ReduceSum: (dy, y) => [o.expand(dy, first(y))],
  ReduceMean: (dy, y) => {
    const axes = y.attributes['axes'] as readonly number[];
    const count = axes.reduce((product, axis) => product * o.knownSize(first(y).shape, axis), 1);
    return [o.expand(o.mul(dy, scalar(1 / count)), first(y))];
  },
  Softmax: (dy, y) => {
    const weighted = o.mul(dy, y);
    return [o.sub(weighted, o.mul(y, o.reduceSum(weighted, [y.shape.length - 1])))];
  },
  LogSoftmax: (dy, y) => [o.sub(dy, o.mul(o.exp(y), o.reduceSum(dy, [y.shape.length - 1])))],
  MatMul: (dy, y) => [
    sumTo(o.matMul(dy, o.swapLast(second(y))), first(y)),
    sumTo(o.matMul(o.swapLast(first(y)), dy), second(y)),
  ],
  Gemm: (dy, y) => {
    const [a, b] = [first(y), second(y)];
    const [transA, transB] = [y.attributes['transA'] === 1, y.attributes['transB'] === 1];
    const { float: alpha } = y.attributes['alpha'] as { readonly float: number };
    return [
      transA ? o.gemm(b, dy, { transA: transB, transB: true, alpha }) : o.gemm(dy, b, { transB: !transB, alpha }),
      transB ? o.gemm(dy, a, { transA: true, transB: transA, alpha }) : o.gemm(a, dy, { transA: !transA, alpha }),
    ];
  },
  Reshape: (dy, y) => [o.reshape(dy, first(y).shape)],
  Transpose: (dy, y) => {
    const perm = y.attributes['perm'] as readonly number[];
    return [
      o.transpose(
        dy,
        perm.map((_, axis) => perm.indexOf(axis)),
      ),
    ];
  },
  Expand: (dy, y) => [sumTo(dy, first(y)), null],
  Slice: (dy, y) => {
    const { axis, start, end } = y.attributes as { axis: number; start: number; end: number };
    return [o.pad(dy, axis, start, o.knownSize(first(y).shape, axis) - end)];
  },
  Pad: (dy, y) => {
    const { axis, before } = y.attributes as { axis: number; before: number };
    return [o.slice(dy, axis, before, before + o.knownSize(first(y).shape, axis))];
  },
  Concat: (dy, y) => {
    const axis = y.attributes['axis'] as number;
    let end = 0;
    return y.inputs.map(({ shape }) => {
      const start = end;
      end += o.knownSize(shape, axis);
      return o.slice(dy, axis, start, end);
    });
  },
  Gather: (dy, y) => [o.scatterRows(first(y), second(y), dy), null],
  ScatterND: (dy, y) => [null, null, o.gather(dy, second(y))],
  GatherElements: (dy, y) => [o.scatterElements(o.expand(scalar(0), first(y)), second(y), dy), null],
  ScatterElements: (dy, y) => [dy, null, o.gatherElements(dy, second(y))],
};

const first = (y: Operation) => y.inputs[0] as Expression;
const second = (y: Operation) => y.inputs[1] as Expression;

/** Undoes broadcasting: sums the axes along which `x` was repeated. */
function sumTo(dy: Expression, x: Expression): Expression {
  const rank = dy.shape.length;
  const own: Shape = Array.from({ length: rank }, (_, axis) => x.shape[axis - rank + x.shape.length] ?? 1);
  const axes = own.flatMap((size, axis) => (size === 1 && dy.shape[axis] !== 1 ? [axis] : []));
  const summed = axes.length === 0 ? dy : o.reduceSum(dy, axes);
  return own.length === x.shape.length ? summed : o.reshape(summed, x.shape);
}
