import { candidateKey, checkTold, type FactorOrder, inOrder } from '../candidate.js';
import type { Candidate, Evaluation, Json, SearchProblem } from '../types.js';
import { attentionLine, bestOfLine } from './attention-line.js';
import { limitKeepers, type StartingOptions, startingCandidates } from './seeds.js';

export interface SeedingOptions {
  readonly attentionFactor: StartingOptions['attentionFactor'];
  readonly order: FactorOrder;
  /** Whether the closed forms are seeds beside the user's sets. */
  readonly closedForms: boolean;
  /** Default: each seed with one number. */
  readonly startTokens?: readonly number[] | undefined;
}

/**
 * The first generations of a search that starts from one point: the seeds, and then, where the attention factor is searched and a closed
 * form is the best of them, that one with several attention factors (`attentionLine`).
 */
export class Seeding {
  private asked: readonly Candidate[] | null = null;
  private ranked: readonly Evaluation[] = [];
  private attention: number | null = null;
  private isOver = false;
  private lastBest: Evaluation | null = null;

  constructor(
    private readonly problem: SearchProblem,
    private readonly options: SeedingOptions,
  ) {}

  /** Empty once it is over. */
  ask(): readonly Candidate[] {
    if (this.isOver) return [];
    const [best] = this.ranked;
    this.asked = best === undefined ? this.seeds() : attentionLine(best.candidate, this.problem.defaultAttentionFactor);
    return this.asked;
  }

  tell(evaluations: readonly Evaluation[]): void {
    const { asked } = this;
    if (asked === null) throw new Error('tell without an ask');
    this.asked = null;
    checkTold(asked, evaluations);
    if (evaluations.length === 0) return;
    const ranked = evaluations.toSorted((a, b) => (a.loss < b.loss ? -1 : a.loss > b.loss ? 1 : 0));
    const [best] = ranked as [Evaluation];
    this.lastBest = best;
    if (this.ranked.length === 0) {
      this.ranked = ranked;
      this.isOver = this.options.attentionFactor !== 'search' || this.hasOwnAttention(best.candidate);
    } else if (evaluations.length === asked.length) {
      this.attention = bestOfLine(evaluations);
      this.isOver = true;
    }
  }

  get done(): boolean {
    return this.isOver;
  }

  /** The best as it was scored last; null before the first tell. */
  get best(): Evaluation | null {
    return this.lastBest;
  }

  /** From the best on as starting points: closed forms with the attention factor that suits the best one. */
  get startingPoints(): readonly Evaluation[] {
    const { attention } = this;
    if (attention === null) return this.ranked;
    return this.ranked.map((seed) =>
      this.hasOwnAttention(seed.candidate)
        ? seed
        : { ...seed, candidate: { ...seed.candidate, attentionFactor: attention } },
    );
  }

  /** Whether the factors are those of a set of the user's. */
  isUsers({ factors }: Candidate): boolean {
    const starts = (this.problem.starts ?? []).map((start) => inOrder(start, this.options.order));
    return starts.some((start) => start.factors.every((factor, pair) => factor === factors[pair]));
  }

  state(): Json {
    const { ranked, attention, lastBest } = this;
    return {
      seeds: ranked.map(({ candidate }) => candidateKey(candidate)),
      attention,
      best: lastBest && [candidateKey(lastBest.candidate), lastBest.loss],
    };
  }

  private seeds(): readonly Candidate[] {
    // In the middle of what the best of them is tried with next.
    const searchedAttention = [Math.sqrt(this.problem.defaultAttentionFactor)];
    return startingCandidates(this.problem, { ...this.options, searchedAttention });
  }

  /** All but closed forms: a set of the user's suits it, and another would break a limit that the model as it is keeps. */
  private hasOwnAttention(seed: Candidate): boolean {
    const keepers = limitKeepers(this.problem).map(candidateKey);
    return this.isUsers(seed) || keepers.includes(candidateKey(seed));
  }
}
