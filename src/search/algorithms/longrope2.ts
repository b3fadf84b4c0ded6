import type { Problem } from '../../errors.js';
import { criticalDimension } from '../../rope/critical-dimension.js';
import { inOrder, makeCandidate } from '../candidate.js';
import { GeneticSearch } from '../genetic/genetic-search.js';
import { type GridSpace, GridVariation } from '../genetic/grid-variation.js';
import {
  attentionValues,
  nearestIndex,
  PAPER_HYPERPARAMETERS,
  paperSettings,
  startAttention,
} from '../genetic/paper-settings.js';
import { type HyperparameterValues, integer, numberOr, parseHyperparameters, real } from '../hyperparameters.js';
import { RandomState } from '../random.js';
import type { Candidate, SearchAlgorithm, SearchProblem } from '../types.js';

export const LONGROPE2_HYPERPARAMETERS = {
  ...PAPER_HYPERPARAMETERS,
  /** A pair, or all from the one that completes ten periods within the original length to the theoretical one. */
  critical_dimension: numberOr<'search'>('search', ['search'], integer(0, 0)),
  /** Range of the factors from the critical dimension on, as multiples of s; never below 1. */
  least_ratio: real(1, 0, 100),
  largest_ratio: real(2, 0, 100),
};

type Values = HyperparameterValues<typeof LONGROPE2_HYPERPARAMETERS>;

/** Pairs that complete so many periods in training are taken for well trained (d10 of the paper). */
const TRAINED_PERIODS = 10;

/**
 * The search of the LongRoPE2 paper (section 3.3 there): factors of the pairs from the critical dimension d on, between s and 2 s, never
 * decreasing; those before it follow as NTK would have them, factor_d^(i/d). Where d really is, is searched as well: seeds are one flat set
 * for each candidate of d, and d is a gene. Start tokens are not part of it, but may be given.
 */
export function createLongRope2(problem: SearchProblem, hyperparameters: unknown, seed: number): SearchAlgorithm {
  const where = 'hyper-parameters of longrope2';
  const values = parseHyperparameters(LONGROPE2_HYPERPARAMETERS, hyperparameters, where);
  const { settings, perUnit } = paperSettings(problem, values, where, contradictions(problem, values, where));
  const random = new RandomState(seed);
  const variation = new GridVariation(gridSpace(problem, values, perUnit, random), random);
  return new GeneticSearch('longrope2', values, settings, variation, random);
}

/** From d10 to the theoretical critical dimension; at least one, and none behind the last pair. */
export function criticalDimensions(problem: SearchProblem): readonly number[] {
  const last = Math.min(problem.rotaryPairs - 1, criticalDimension(problem, problem.originalLength));
  const first = Math.min(last, criticalDimension(problem, problem.originalLength, TRAINED_PERIODS));
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function contradictions({ rotaryPairs, ratio, maxFactor }: SearchProblem, values: Values, where: string): Problem[] {
  const problems: Problem[] = [];
  const { critical_dimension: critical, least_ratio: least, largest_ratio: largest } = values;
  if (critical !== 'search' && critical >= rotaryPairs)
    problems.push({
      where: `${where}, critical_dimension`,
      expected: `a pair, at most ${rotaryPairs - 1}`,
      found: String(critical),
    });
  if (least > largest)
    problems.push({
      where: `${where}, least_ratio`,
      expected: `at most largest_ratio, ${largest}`,
      found: String(least),
    });
  if (maxFactor !== undefined && maxFactor < least * ratio)
    problems.push({
      where: 'largest factor',
      expected: `at least least_ratio times the ratio for longrope2, ${least * ratio}`,
      found: String(maxFactor),
    });
  return problems;
}

function gridSpace(problem: SearchProblem, values: Values, perUnit: number, random: RandomState): GridSpace {
  const { rotaryPairs, startTokens = [0] } = problem;
  const factors = factorValues(problem, values, perUnit);
  const criticals = values.critical_dimension === 'search' ? criticalDimensions(problem) : [values.critical_dimension];
  const attentionFactors = attentionValues(problem, values.attention_factor);
  const [ofStart, ofAttention, ofCritical] = [rotaryPairs, rotaryPairs + 1, rotaryPairs + 2];
  const firstFree = (genome: Int32Array) => criticals[genome[ofCritical] as number] as number;
  const decode = (genome: Int32Array): Candidate => {
    const critical = firstFree(genome);
    const free = factors[genome[critical] as number] as number;
    return makeCandidate(
      Array.from({ length: rotaryPairs }, (_, pair) =>
        pair < critical ? free ** (pair / critical) : (factors[genome[pair] as number] as number),
      ),
      attentionFactors[genome[ofAttention] as number] as number,
      startTokens[genome[ofStart] as number] as number,
    );
  };
  const genome = (indices: readonly number[], start: number, attention: number, critical: number) =>
    Int32Array.from([
      ...indices,
      Math.max(0, startTokens.indexOf(start)),
      nearestIndex(attentionFactors, attention),
      critical,
    ]);
  const whole = [...factors.keys()].filter((index) => Number.isInteger(factors[index]));
  const flat = startAttention(problem, attentionFactors).flatMap((attention) =>
    criticals.map((_, critical) => {
      // The paper draws an integer; between close bounds there may be none.
      const index = whole.length > 0 ? whole[random.integer(whole.length)] : random.integer(factors.length);
      return genome(
        new Array<number>(rotaryPairs).fill(index as number),
        startTokens[0] as number,
        attention,
        critical,
      );
    }),
  );
  const given = (problem.starts ?? []).map((unordered) => {
    const start = inOrder(unordered, 'monotone');
    const indices = Array.from(start.factors, (factor) => nearestIndex(factors, factor));
    const fits = criticals.map((_, critical) => genome(indices, start.startTokens, start.attentionFactor, critical));
    return fits.reduce((best, fit) => (distance(decode(fit), start) < distance(decode(best), start) ? fit : best));
  });
  return {
    pairs: rotaryPairs,
    factors: factors.length,
    others: [startTokens.length, attentionFactors.length, criticals.length],
    firstFree,
    seeds: [...given, ...flat],
    mutationRate: values.mutation_probability,
    decode,
  };
}

/** Ascending multiples of the step, and the least factor itself. */
function factorValues({ ratio, maxFactor }: SearchProblem, values: Values, perUnit: number): Float64Array {
  const largest = maxFactor ?? Math.max(1, values.largest_ratio * ratio);
  const least = Math.min(largest, Math.max(1, values.least_ratio * ratio));
  const first = Math.floor(least * perUnit + 1e-9) + 1;
  const count = Math.max(0, Math.floor(largest * perUnit + 1e-9) - first + 1);
  return Float64Array.from([least, ...Array.from({ length: count }, (_, i) => (first + i) / perUnit)]);
}

/** Sum of squared differences of ln factor. */
function distance(a: Candidate, b: Candidate): number {
  return a.factors.reduce((sum, factor, pair) => sum + Math.log(factor / (b.factors[pair] as number)) ** 2, 0);
}
