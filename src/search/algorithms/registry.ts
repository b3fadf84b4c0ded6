import { type Problem, UserError } from '../../errors.js';
import { nearestWord } from '../hyperparameters.js';
import { MAX_SEED } from '../random.js';
import { lostStartTokens } from '../seeding/starts.js';
import type { SearchAlgorithm, SearchProblem } from '../types.js';
import { createCmaEs } from './cma-es.js';
import { createDimMono } from './dim-mono.js';
import { createDimPieceMono } from './dim-piece-mono.js';
import { createGradient } from './gradient.js';
import { createLongRope, LONGROPE_HYPERPARAMETERS } from './longrope.js';
import { createLongRope2 } from './longrope2.js';
import { createRandom } from './random.js';

const ALGORITHMS = {
  'cma-es': createCmaEs,
  gradient: createGradient,
  longrope: createLongRope,
  longrope2: createLongRope2,
  'dim-mono': createDimMono,
  'dim-piece-mono': createDimPieceMono,
  random: createRandom,
} as const;

export type AlgorithmName = keyof typeof ALGORITHMS;
export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as readonly AlgorithmName[];

/** Whether an algorithm chooses start tokens by itself, where a search is not told which. */
export function searchesStartTokens(
  name: string,
  hyperparameters: Readonly<Record<string, unknown>> | undefined,
): boolean {
  const said = hyperparameters?.['start_tokens'] ?? LONGROPE_HYPERPARAMETERS.start_tokens.value;
  return name === 'longrope' && said !== 0;
}

const RELEASED: readonly string[] = ['dim-mono', 'dim-piece-mono'] satisfies readonly AlgorithmName[];

/** The searches of the released code: they begin with vectors of their own, and take no set, largest factor or start tokens. */
export function isReleased(name: string): boolean {
  return RELEASED.includes(name);
}

/** Whether candidates have the usual attention factor where a search is not told another; else it is searched. */
export function keepsUsualAttention(name: string): boolean {
  if (!Object.hasOwn(ALGORITHMS, name)) return false;
  const { hyperparameters } = ALGORITHMS[name as AlgorithmName](ANY_PROBLEM, undefined, 1);
  return hyperparameters['attention_factor'] === 'default';
}

/** Defaults are the same for all. */
const ANY_PROBLEM: SearchProblem = {
  ...{ rotaryPairs: 4, headDim: 8, rotaryDim: 8, theta: 10_000 },
  ...{ originalLength: 256, targetLength: 512, ratio: 2, defaultAttentionFactor: 1 },
};

/**
 * Makes a search algorithm by name. `hyperparameters` is parsed JSON of `hyperparameters/<name>.json`'s form, or undefined
 * for the defaults. Throws `UserError` with every problem of name, hyper-parameters, seed and search problem.
 */
export function createAlgorithm(
  name: string,
  problem: SearchProblem,
  hyperparameters: unknown,
  seed: number,
): SearchAlgorithm {
  const problems: Problem[] = [];
  if (!Object.hasOwn(ALGORITHMS, name)) {
    const nearest = nearestWord(name, ALGORITHM_NAMES);
    problems.push({
      where: 'algorithm',
      expected: `one of ${ALGORITHM_NAMES.join(', ')}`,
      found: JSON.stringify(name),
      ...(nearest === null ? {} : { fix: `did you mean ${nearest}?` }),
    });
  }
  if (!Number.isInteger(seed) || seed < 1 || seed > MAX_SEED) {
    problems.push({ where: 'seed', expected: `an integer from 1 to ${MAX_SEED}`, found: String(seed) });
  }
  if (problem.maxFactor === undefined && !(problem.ratio > 1)) {
    problems.push({
      where: 'target length',
      expected: `more than the original length, ${problem.originalLength} tokens`,
      found: `${problem.targetLength} tokens`,
      fix: 'to readjust a short context, give the largest factor',
    });
  }
  if (problem.maxFactor !== undefined && !(problem.maxFactor > 1 && Number.isFinite(problem.maxFactor))) {
    problems.push({ where: 'largest factor', expected: 'a number above 1', found: String(problem.maxFactor) });
  }
  // longrope has values of its own, and looks itself.
  if (name !== 'longrope' && !isReleased(name)) problems.push(...lostStartTokens(problem, problem.startTokens ?? [0]));
  if (problem.rotaryPairs < 2) {
    problems.push({ where: 'rotary pairs', expected: 'at least 2 to search over', found: String(problem.rotaryPairs) });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return ALGORITHMS[name as AlgorithmName](problem, hyperparameters, seed);
}
