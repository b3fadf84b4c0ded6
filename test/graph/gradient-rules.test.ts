import { describe, expect, it } from 'vitest';
import { type Expression, input, scalar } from '../../src/graph/gradient/expression.js';
import { gradient } from '../../src/graph/gradient/gradient.js';
import * as o from '../../src/graph/gradient/operations.js';
import type { RULES } from '../../src/graph/gradient/rules.js';
import { type Feeds, gradientError, integers, openPlain, randomValues } from '../helpers/plain-graph.js';

const a = input('a', ['N', 3]);
const b = input('b', ['N', 3]);
const row = input('row', [1, 3]);
const positive = input('positive', ['N', 3]);
const wide = input('wide', [2, 3, 4]);
const other = input('other', [4, 5]);
const square = input('square', [3, 3]);
const rows = input('rows', ['M'], 'int64');
const columns = input('columns', ['N', 2], 'int64');
const counts = input('counts', ['N', 3], 'int64');
const limit = input('limit', [1, 3], 'int64');

const FEEDS: Feeds = {
  a: randomValues([2, 3], 1),
  b: randomValues([2, 3], 2),
  row: randomValues([1, 3], 3, 0.5, 2),
  positive: randomValues([2, 3], 4, 0.5, 2),
  wide: randomValues([2, 3, 4], 5),
  other: randomValues([4, 5], 6),
  square: randomValues([3, 3], 7),
  rows: integers([4], 1, 0, 1, 1),
  columns: integers([2, 2], 2, 0, 1, 1),
  counts: integers([2, 3], 1, 5, 3, 4, 0, 9),
  limit: integers([1, 3], 3, 3, 3),
  other4: randomValues([4], 11),
  column: randomValues([2, 1], 12),
  like: randomValues([2, 3], 13),
  updates: randomValues([4, 3], 14),
  pairs: randomValues([2, 2], 15),
};
const like = input('like', [2, 3]);
const below = o.lessOrEqual(counts, limit);

/** Several graphs where an operation has several forms: broadcasting, transposition, axes. */
const CASES: Record<keyof typeof RULES, readonly Expression[]> = {
  Add: [o.add(a, b), o.add(a, row), o.add(row, a), o.add(a, scalar(2)), o.add(a, a), o.add(wide, input('other4', [4]))],
  Sub: [o.sub(a, b), o.sub(row, a), o.sub(scalar(1), a)],
  Mul: [o.mul(a, b), o.mul(row, a), o.mul(a, a)],
  Div: [o.div(a, positive), o.div(a, row), o.div(row, positive)],
  Neg: [o.neg(a)],
  Exp: [o.exp(a)],
  Log: [o.log(positive)],
  Sqrt: [o.sqrt(positive)],
  Pow: [o.pow(positive, 2.5), o.pow(a, 3), o.pow(positive, -0.5)],
  Sigmoid: [o.sigmoid(a)],
  Tanh: [o.tanh(a)],
  // What hangs on conditions; they have no derivative themselves.
  Where: [
    o.where(below, a, o.mul(b, row)),
    o.where(below, row, scalar(-5)),
    o.where(o.and(below, below), scalar(1), a),
  ],
  ReduceSum: [o.reduceSum(a, [1]), o.reduceSum(wide, [0, 2]), o.reduceSum(a, [0])],
  ReduceMean: [o.reduceMean(a, [1]), o.reduceMean(wide, [0, 1])],
  Softmax: [o.softmax(a), o.softmax(wide)],
  LogSoftmax: [o.logSoftmax(a), o.logSoftmax(wide)],
  MatMul: [o.matMul(wide, other), o.matMul(a, square), o.matMul(wide, o.transpose(wide, [0, 2, 1]))],
  Gemm: [
    o.gemm(a, square),
    o.gemm(a, square, { transB: true, alpha: 0.3 }),
    o.gemm(square, square, { transA: true }),
    o.gemm(square, a, { transA: true, transB: true, alpha: -2 }),
  ],
  Reshape: [o.reshape(wide, [6, 4]), o.reshape(a, ['N', 1, 3])],
  Transpose: [o.transpose(wide, [2, 0, 1]), o.transpose(a, [1, 0])],
  Expand: [o.expand(row, like), o.expand(input('column', [2, 1]), like)],
  Slice: [o.slice(wide, 1, 1, 3), o.slice(wide, 2, 0, 1)],
  Pad: [o.pad(a, 1, 2, 1), o.pad(wide, 0, 0, 1)],
  Concat: [o.concat([a, b, a], 1), o.concat([wide, wide], 0)],
  Gather: [o.gather(square, rows)],
  ScatterND: [o.scatterRows(like, rows, input('updates', ['M', 3]))],
  GatherElements: [o.gatherElements(a, columns)],
  ScatterElements: [o.scatterElements(like, columns, input('pairs', ['N', 2]))],
};
describe('the rule of', () => {
  it.each(Object.entries(CASES))('%s agrees with central differences', async (name, graphs) => {
    for (const y of graphs) {
      expect(await gradientError(y, FEEDS), name).toBeLessThan(2e-9);
    }
  });

  it('a rule is itself made of plain operations: second derivatives', async () => {
    const x = input('positive', ['N', 3]);
    const loss = o.reshape(o.reduceSum(o.pow(x, 3), [0, 1]), []);
    const [first] = gradient(loss, [x]);
    const [second] = gradient(o.reshape(o.reduceSum(first, [0, 1]), []), [x]);
    const { y } = await (await openPlain({ y: second }))(FEEDS);
    const { data } = FEEDS['positive']!;
    expect([...y.data]).toEqual([...data].map((value) => expect.closeTo(6 * Number(value), 12)));
  });

  it('refuses shapes that do not fit, a loss that is no number, and a target the loss does not know', () => {
    expect(() => o.add(a, input('c', ['N', 4]))).toThrow('shapes [N, 3] and [N, 4] do not fit');
    expect(() => o.gemm(a, square, { transA: true })).toThrow('Gemm');
    expect(() => gradient(a, [a])).toThrow('the loss has shape [N, 3]');
    expect(() => gradient(o.reshape(o.reduceSum(a, [0, 1]), []), [b])).toThrow('does not depend');
  });
});
