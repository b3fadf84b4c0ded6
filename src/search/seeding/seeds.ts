import { CLOSED_FORMS, type ClosedForm, closedFormFactors } from '../../rope/closed-form.js';
import { candidateKey, distinct, type FactorOrder, inOrder, makeCandidate } from '../candidate.js';
import type { Candidate, SearchProblem } from '../types.js';

/** Largest factor of our search spaces, as a multiple of the ratio (paper, Table 4). */
export const MAX_FACTOR_RATIO = 1.25;

export function largestFactor({ ratio, maxFactor }: SearchProblem): number {
  return maxFactor ?? MAX_FACTOR_RATIO * ratio;
}

export interface NamedCandidate {
  readonly name: string;
  readonly candidate: Candidate;
}

/** The paper's seeds, in its order. */
export const PAPER_SEEDS = ['pi', 'ntk', 'yarn'] as const;

/** Closed forms from which a search starts, and the unscaled model where it has to be among them. */
export function seedCandidates(
  problem: SearchProblem,
  attentionFactor: number,
  forms: readonly ClosedForm[],
): readonly Candidate[] {
  const largest = largestFactor(problem);
  const closedForms = forms.map((form) => {
    const factors = closedFormFactors(form, problem, problem).map((factor) => Math.min(largest, factor));
    return makeCandidate(factors, attentionFactor, 0);
  });
  return [...limitKeepers(problem), ...closedForms];
}

/** The one candidate that surely keeps a limit at the original length; none where nothing is limited. */
export function limitKeepers(problem: SearchProblem): readonly Candidate[] {
  return problem.shortRise === undefined ? [] : [problem.asItIs ?? unscaledCandidate(problem)];
}

export function unscaledCandidate(problem: SearchProblem): Candidate {
  return makeCandidate(closedFormFactors('none', problem, problem), 1, 0);
}

export interface StartingOptions {
  /** Where it is searched, the user's sets have their own and the closed forms each of `searchedAttention`. */
  readonly attentionFactor: number | 'search' | 'default';
  /** Default: 1 and the usual formula's. */
  readonly searchedAttention?: readonly number[];
  /** `monotone`: the user's sets come with every factor raised to the one before it. */
  readonly order: FactorOrder;
  /** Default: true. */
  readonly closedForms?: boolean;
  /** All come with each of these; default: a user's set with its own, all else and one that has none with the first of the problem's. */
  readonly startTokens?: readonly number[] | undefined;
}

/** Where a search begins, each once: the user's sets and the closed forms. */
export function startingCandidates(
  problem: SearchProblem,
  {
    attentionFactor,
    searchedAttention = [1, problem.defaultAttentionFactor],
    order,
    closedForms = true,
    startTokens,
  }: StartingOptions,
): readonly Candidate[] {
  const { starts = [], defaultAttentionFactor } = problem;
  const fixed = attentionFactor === 'default' ? defaultAttentionFactor : attentionFactor;
  const attention = fixed === 'search' ? searchedAttention : [fixed];
  const seeds = [
    ...starts
      .map((start) => inOrder(start, order))
      .map(({ factors, attentionFactor: own, startTokens: count }) =>
        makeCandidate(factors, fixed === 'search' ? own : fixed, count),
      ),
    ...(closedForms
      ? attention.flatMap((factor) => seedCandidates(problem, factor, [...PAPER_SEEDS, 'half-turn']))
      : []),
  ];
  // Positions that stay unscaled are nothing to an unscaled set, and a model as it is has none.
  const keepers = new Set(limitKeepers(problem).map(candidateKey));
  const hasNone = (seed: Candidate) => seed.factors.every((factor) => factor === 1) || keepers.has(candidateKey(seed));
  const usual = problem.startTokens?.[0] ?? 0;
  const own = (seed: Candidate) => (seed.startTokens > 0 ? seed.startTokens : usual);
  const counts: readonly (number | null)[] = startTokens ?? [null];
  return distinct(
    counts.flatMap((count) =>
      seeds.map((seed) => ({ ...seed, startTokens: hasNone(seed) ? 0 : (count ?? own(seed)) })),
    ),
  );
}

/**
 * A seed as what is made from it begins: with the attention factor and start tokens that were asked for, which what surely keeps a limit
 * has not.
 */
export function originOf(
  { defaultAttentionFactor, startTokens }: SearchProblem,
  seed: Candidate,
  attentionFactor: StartingOptions['attentionFactor'],
): Candidate {
  const fixed = attentionFactor === 'default' ? defaultAttentionFactor : attentionFactor;
  const isChosen = startTokens === undefined || startTokens.includes(seed.startTokens);
  return {
    factors: seed.factors,
    attentionFactor: fixed === 'search' ? seed.attentionFactor : fixed,
    startTokens: isChosen ? seed.startTokens : (startTokens[0] as number),
  };
}

const NAMES: Readonly<Record<ClosedForm, string>> = {
  none: 'none',
  pi: 'PI',
  ntk: 'NTK',
  yarn: 'YaRN',
  'half-turn': 'half-turn',
};

/** What a winner has to beat: the closed forms, all with attention factor 1. */
export function baselineCandidates(problem: SearchProblem): readonly NamedCandidate[] {
  return CLOSED_FORMS.map((form) => ({
    name: NAMES[form],
    candidate: makeCandidate(closedFormFactors(form, problem, problem), 1, 0),
  }));
}

export interface AttentionRange {
  readonly low: number;
  readonly high: number;
}

/** Attention factors worth drawing: from somewhat below both 1 and the usual formula to somewhat above both. */
export function attentionFactorRange({ defaultAttentionFactor }: SearchProblem): AttentionRange {
  return { low: 0.8 * Math.min(1, defaultAttentionFactor), high: 1.25 * Math.max(1, defaultAttentionFactor) };
}

/** What a search that is led there may come to; draws from so wide a range would be wasted. Some models want far less than 1. */
export function widestAttentionRange({ defaultAttentionFactor }: SearchProblem): AttentionRange {
  return { low: 0.5 * Math.min(1, defaultAttentionFactor), high: 2 * Math.max(1, defaultAttentionFactor) };
}
