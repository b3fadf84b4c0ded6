import { type Problem, UserError } from '../errors.js';
import type { DecoderSpec } from '../model/index.js';
import { longropeAttentionFactor } from '../rope/attention-factor.js';
import type { FactorSet } from '../rope/factor-set.js';
import {
  type FrozenSet,
  type SearchAlgorithm,
  type SearchProblem,
  shortRise,
  startCandidates,
} from '../search/index.js';
import { readFactors } from './export-rope.js';
import { type OwnRope, ownRope } from './own-rope.js';

/** What a search is told about its space; paths are factor files. */
export interface SpaceOptions {
  readonly targetLength: number;
  /** Second interpolation: factors to multiply, frozen. */
  readonly over?: string;
  /** Factors to start from, beside the closed forms. */
  readonly starts?: readonly string[];
  /** What becomes of start tokens of `starts` that the search cannot choose; default: they are refused. */
  readonly foreignStartTokens?: 'refuse' | 'drop';
  /** Largest factor (of a second interpolation: largest multiplier); default 1.25 s. */
  readonly maxFactor?: number;
  /** How many first positions stay unscaled: one value, or several to choose from; default: as the algorithm says. */
  readonly startTokens?: readonly number[];
  /** Largest rise of perplexity at the original length over that of the model as it is, 0.01 = 1 %. */
  readonly shortLimit?: number;
}

export interface SearchSpace {
  readonly problem: SearchProblem;
  readonly frozen: FrozenSet | null;
  /** Of a model that has one; null also over frozen factors, which are what the model has. */
  readonly own: OwnRope | null;
}

/** Throws one `UserError` with everything in the options that does not fit the model or each other. */
export async function searchSpace(
  { spec }: { readonly spec: Pick<DecoderSpec, 'rope'> },
  options: SpaceOptions,
): Promise<SearchSpace> {
  const { geometry, originalLength } = spec.rope;
  const { targetLength, maxFactor, startTokens } = options;
  const problems: Problem[] = [];
  // At the original length itself there is nothing to extend, but short contexts can be readjusted.
  const least = maxFactor === undefined ? originalLength + 1 : originalLength;
  if (targetLength < least)
    problems.push({
      where: '--target',
      expected: `${maxFactor === undefined ? 'more than' : 'at least'} the original length of the model, ${originalLength}`,
      found: `${targetLength}`,
      ...(targetLength === originalLength && { fix: 'to readjust it, give --max-factor' }),
    });
  if (maxFactor !== undefined && !(maxFactor > 1))
    problems.push({ where: '--max-factor', expected: 'a number above 1', found: `${maxFactor}` });
  const tooMany = startTokens?.filter((count) => count > originalLength) ?? [];
  if (tooMany.length > 0)
    problems.push({
      where: '--start-tokens',
      expected: `at most the original length, ${originalLength}`,
      found: tooMany.join(', '),
    });
  const frozen =
    options.over === undefined
      ? null
      : frozenSet(
          options.over,
          (await readFactors(options.over, spec.rope, '--over')).set,
          targetLength,
          originalLength,
        );
  const starts: FactorSet[] = [];
  for (const path of options.starts ?? []) {
    const { set } = await readFactors(path, spec.rope, '--start');
    const isDropped = options.foreignStartTokens === 'drop' && !(startTokens ?? [0]).includes(set.startTokens);
    starts.push(isDropped ? { ...set, startTokens: 0 } : set);
  }
  if (frozen !== null && 'problems' in frozen) problems.push(...frozen.problems);
  if (problems.length > 0) throw new UserError('usage', problems);
  const ratio = targetLength / originalLength;
  const own = frozen === null ? ownRope(spec.rope, targetLength) : null;
  const problem: SearchProblem = {
    rotaryPairs: geometry.rotaryDim / 2,
    headDim: geometry.headDim,
    rotaryDim: geometry.rotaryDim,
    theta: geometry.theta,
    originalLength,
    targetLength,
    ratio,
    defaultAttentionFactor: longropeAttentionFactor(ratio, originalLength),
    ...(maxFactor !== undefined && { maxFactor }),
    ...(startTokens !== undefined && { startTokens }),
    ...(options.shortLimit !== undefined && {
      shortRise: shortRise(options.shortLimit),
      ...(own && { asItIs: own.atOriginal }),
    }),
  };
  const set = frozen as FrozenSet | null;
  // Over a frozen set the largest factor is that of multipliers: starts are fitted once they are divided.
  const absolute = set === null ? problem : { ...problem, maxFactor: Number.MAX_VALUE };
  const seeds = startCandidates(absolute, starts);
  return { problem: seeds.length === 0 ? problem : { ...problem, starts: seeds }, frozen: set, own };
}

/** What follows where start tokens may be part of the answer; null where they cannot. */
export function startTokensNotice(
  { hyperparameters }: Pick<SearchAlgorithm, 'hyperparameters'>,
  { problem, frozen }: SearchSpace,
): string | null {
  const own = hyperparameters['start_tokens'] ?? 0;
  const given = problem.startTokens;
  const possible = given === undefined ? own !== 0 : given.some((count) => count > 0);
  if (!possible && (frozen?.startTokens ?? 0) === 0) return null;
  const certain = given?.every((count) => count > 0) === true || (frozen?.startTokens ?? 0) > 0;
  return `${certain ? 'the' : 'if the'} winner has start tokens${certain ? ':' : ','} no config.json, GGUF or ONNX file can express them; factors.json does, and evaluate reads it (--start-tokens 0 searches without)`;
}

function frozenSet(
  path: string,
  set: FactorSet,
  target: number,
  originalLength: number,
): FrozenSet | { readonly problems: Problem[] } {
  const where = `--over ${path}`;
  const { targetLength: length } = set;
  const problems: Problem[] = [];
  if (length === null)
    problems.push({
      where,
      expected: 'factors that say which length they are for (target_length)',
      found: 'none',
      fix: 'give the factors.json of a search, not its factors.csv',
    });
  else if (length >= target)
    problems.push({ where, expected: `factors made for less than the target, ${target}`, found: `${length}` });
  if (set.originalLength !== null && set.originalLength !== originalLength)
    problems.push({ where, expected: `an original length of ${originalLength}`, found: `${set.originalLength}` });
  if (length === null || problems.length > 0) return { problems };
  const attentionFactor = set.attentionFactor ?? longropeAttentionFactor(length / originalLength, originalLength);
  return { factors: set.factors, attentionFactor, startTokens: set.startTokens, length };
}
