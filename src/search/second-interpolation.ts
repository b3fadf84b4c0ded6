import { UserError } from '../errors.js';
import { candidateKey, makeCandidate } from './candidate.js';
import { baselineCandidates, type NamedCandidate } from './seeding/seeds.js';
import { fitStarts } from './seeding/starts.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, SearchProblem, StopReasons } from './types.js';

/** Factors a model was fine-tuned with, and the length that was for. */
export interface FrozenSet extends Candidate {
  readonly length: number;
}

/** A candidate of a second interpolation in its two parts: factors and attention factors multiply to it. */
export interface Parts {
  readonly frozen: FrozenSet;
  readonly multiplier: Candidate;
}

/**
 * The problem whose candidates are multipliers over `frozen` (LongRoPE, section 3.3: a second search on the fine-tuned model): ratio
 * target / frozen length, and an attention factor that multiplies the frozen one. `originalLength` stays, since a pair that the
 * frozen factors slowed down to fit turns over the frozen length as often as it did over the original one.
 */
export function multiplierProblem(problem: SearchProblem, frozen: FrozenSet): SearchProblem {
  const { starts, ...rest } = problem;
  const multiplier = {
    ...rest,
    ratio: problem.targetLength / frozen.length,
    defaultAttentionFactor: problem.defaultAttentionFactor / frozen.attentionFactor,
  };
  if (starts === undefined) return multiplier;
  const divided = starts.map(({ factors, attentionFactor, startTokens }) =>
    makeCandidate(
      factors.map((factor, pair) => factor / (frozen.factors[pair] as number)),
      attentionFactor / frozen.attentionFactor,
      // Those of the frozen set stay whatever a multiplier says.
      startTokens > frozen.startTokens ? startTokens : 0,
    ),
  );
  return { ...multiplier, starts: fitStarts(multiplier, divided) };
}

/** Positions that either part leaves unscaled stay so. */
export function multiply(frozen: FrozenSet, multiplier: Candidate): Candidate {
  return makeCandidate(
    frozen.factors.map((factor, pair) => factor * (multiplier.factors[pair] as number)),
    frozen.attentionFactor * multiplier.attentionFactor,
    Math.max(frozen.startTokens, multiplier.startTokens),
  );
}

/** The frozen set unchanged, and PI, NTK and YaRN over it (the paper's Table 9). */
export function secondBaselines(problem: SearchProblem, frozen: FrozenSet): readonly NamedCandidate[] {
  return baselineCandidates(multiplierProblem(problem, frozen)).map(({ name, candidate }) => ({
    name,
    candidate: multiply(frozen, candidate),
  }));
}

/** Any algorithm on multipliers, as one whose candidates are the products: what is evaluated, journaled and stored. */
export class SecondInterpolation implements SearchAlgorithm {
  readonly name: string;
  readonly hyperparameters: { readonly [key: string]: Json };
  readonly comparesAcrossGenerations: boolean;
  readonly documentsPerGeneration: number | 'all';
  readonly wantsGradients?: () => boolean;
  readonly gradientCandidates?: number;
  readonly generationSize?: number;
  private asked: { readonly multipliers: readonly Candidate[]; readonly products: readonly Candidate[] } | null = null;

  constructor(
    private readonly frozen: FrozenSet,
    private readonly multipliers: SearchAlgorithm,
  ) {
    const { grid = 'none' } = multipliers.hyperparameters;
    if (grid !== 'none')
      throw new UserError('usage', {
        where: `hyper-parameters of ${multipliers.name}, grid`,
        expected: 'none over frozen factors, times which a multiple of it is none any more',
        found: String(grid),
      });
    this.name = multipliers.name;
    this.hyperparameters = multipliers.hyperparameters;
    this.comparesAcrossGenerations = multipliers.comparesAcrossGenerations;
    this.documentsPerGeneration = multipliers.documentsPerGeneration;
    if (multipliers.generationSize !== undefined) this.generationSize = multipliers.generationSize;
    if (multipliers.gradientCandidates !== undefined) this.gradientCandidates = multipliers.gradientCandidates;
    if (multipliers.wantsGradients) this.wantsGradients = () => multipliers.wantsGradients?.() ?? false;
  }

  ask(): readonly Candidate[] {
    const multipliers = this.multipliers.ask();
    const products = multipliers.map((multiplier) => multiply(this.frozen, multiplier));
    this.asked = { multipliers, products };
    return products;
  }

  tell(evaluations: readonly Evaluation[]): void {
    const { asked } = this;
    if (asked === null) throw new Error('tell without an ask');
    this.asked = null;
    this.multipliers.tell(
      evaluations.map(({ candidate, ...evaluation }, index) => {
        if (candidateKey(candidate) !== candidateKey(asked.products[index] as Candidate))
          throw new Error('told a candidate that was not asked');
        // ln of the product and ln of the multiplier have the same derivatives.
        return { ...evaluation, candidate: asked.multipliers[index] as Candidate };
      }),
    );
  }

  stop(): StopReasons {
    return this.multipliers.stop();
  }

  best(): Evaluation | null {
    const best = this.multipliers.best();
    return best && { ...best, candidate: multiply(this.frozen, best.candidate) };
  }

  contenders(): readonly Candidate[] {
    return this.multipliers.contenders().map((multiplier) => multiply(this.frozen, multiplier));
  }

  state(): Json {
    return this.multipliers.state();
  }

  /** Of a contender. */
  partsOf(product: Candidate): Parts {
    const key = candidateKey(product);
    const multiplier = this.multipliers
      .contenders()
      .find((contender) => candidateKey(multiply(this.frozen, contender)) === key);
    if (multiplier === undefined) throw new Error('no contender has this product');
    return { frozen: this.frozen, multiplier };
  }
}
