import * as ort from 'onnxruntime-node';
import { expect } from 'vitest';
import {
  type Expression,
  type Input,
  input,
  type Parameter,
  topologicalOrder,
} from '../../src/graph/gradient/expression.js';
import { gradient } from '../../src/graph/gradient/gradient.js';
import { mul, reduceSum, reshape } from '../../src/graph/gradient/operations.js';
import { writeGraph } from '../../src/graph/gradient/write.js';
import { seededRandom } from './random.js';

export interface Values {
  readonly dims: readonly number[];
  readonly data: Float64Array | BigInt64Array;
}
export type Feeds = Readonly<Record<string, Values>>;

export function randomValues(dims: readonly number[], seed: number, from = -1, to = 1): Values {
  const random = seededRandom(seed);
  const count = dims.reduce((product, size) => product * size, 1);
  return { dims, data: Float64Array.from({ length: count }, () => from + (to - from) * random()) };
}

export const integers = (dims: readonly number[], ...values: readonly number[]): Values => ({
  dims,
  data: BigInt64Array.from(values, BigInt),
});

/** A plain graph run by ONNX Runtime in float64. */
export async function openPlain<Name extends string>(outputs: Readonly<Record<Name, Expression>>) {
  const session = await ort.InferenceSession.create(writeGraph('test', outputs, { element: 'float64' }), {
    executionProviders: ['cpu'],
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    // Its fusions make operations that know float32 only.
    graphOptimizationLevel: 'disabled',
  });
  return async (feeds: Feeds): Promise<Record<Name, Values>> => {
    const tensors = Object.fromEntries(
      session.inputNames.map((name) => {
        const { data, dims } = feeds[name] as Values;
        return [name, new ort.Tensor(data instanceof Float64Array ? 'float64' : 'int64', data as never, dims)];
      }),
    );
    return (await session.run(tensors)) as unknown as Record<Name, Values>;
  };
}

/**
 * Largest difference between the rule-made gradient and central differences, in float64, over all float inputs of `y` (`like` only
 * lends its shape); relative to the largest derivative. The loss is a random weighting of all entries of y, so none can hide.
 */
export async function gradientError(y: Expression, feeds: Feeds, step = 1e-5): Promise<number> {
  const leaves = topologicalOrder([y]).filter(
    (x): x is Input | Parameter =>
      (x.kind === 'input' || x.kind === 'parameter') && x.type === 'float' && x.name !== 'like',
  );
  const { dims } = (await (await openPlain({ y }))(feeds)).y;
  const weighted = mul(y, input('weighting', y.shape));
  const loss = reshape(reduceSum(weighted, [...dims.keys()]), []);
  const all = { ...feeds, weighting: randomValues(dims, 99) };
  const run = await openPlain({ loss });
  const derivatives = gradient(loss, leaves);
  const gradients = await (
    await openPlain(Object.fromEntries(leaves.map(({ name }, i) => [`d.${name}`, derivatives[i]!])))
  )(all);
  let largest = 0;
  let scale = 0;
  for (const { name } of leaves) {
    const ours = gradients[`d.${name}`] as Values;
    const { dims, data } = feeds[name] as Values;
    expect(ours.dims, `shape of the gradient for ${name}`).toEqual(dims);
    for (let i = 0; i < data.length; i++) {
      const at = async (offset: number) => {
        const moved = Float64Array.from(data as Float64Array);
        moved[i] = (moved[i] as number) + offset;
        return Number((await run({ ...all, [name]: { dims, data: moved } })).loss.data[0]);
      };
      const difference = ((await at(step)) - (await at(-step))) / (2 * step);
      scale = Math.max(scale, Math.abs(difference));
      const error = Math.abs(Number(ours.data[i]) - difference);
      if (!(error <= largest)) largest = error;
    }
  }
  if (scale === 0) throw new Error('all derivatives are zero: nothing is tested');
  return largest / scale;
}
