import { UserError } from '../errors.js';
import type { Budget, Spending } from './budget.js';
import type { Objective } from './objective.js';
import type { SearchAlgorithm } from './types.js';

/** Scores on all documents that are kept in reserve for an algorithm that does not have them from its generations. */
export const FINAL_CONTENDERS = 3;

/** Evaluations that a gradient counts as: a forward pass, and a backward pass of twice its arithmetic. */
export const GRADIENT_COST = 3;

/** How far a budget in documents or tokens reaches; one in seconds is the stopwatch's. */
export class Allowance {
  constructor(
    private readonly budget: Budget,
    private readonly algorithm: SearchAlgorithm,
    private readonly objective: Pick<Objective, 'documents' | 'scoredTokens'>,
  ) {}

  /** How many of `asked` candidates fit; none rather than some where part of a generation is worth nothing. */
  candidates(asked: number, documents: readonly number[], spent: Spending, evaluations = 1): number {
    const left = this.budget.amount - this.spentOf(spent) - this.reserve();
    const count = Math.min(asked, Math.max(0, Math.floor(left / (evaluations * this.costOf(documents)))));
    return count < asked && !this.algorithm.comparesAcrossGenerations ? 0 : count;
  }

  /** Whether so many evaluations on these documents fit into what is left at the end, reserve included. */
  covers(documents: readonly number[], spent: Spending): boolean {
    return this.spentOf(spent) + this.costOf(documents) <= this.budget.amount;
  }

  /** A first generation (or, where losses of generations compare, its first candidate) that does not fit is a user's mistake. */
  tooSmall(asked: number, documents: readonly number[]): UserError {
    const needed = this.algorithm.comparesAcrossGenerations ? 1 : asked;
    const { unit, amount } = this.budget;
    return new UserError('usage', {
      where: 'budget',
      expected: `at least ${needed * this.costOf(documents) + this.reserve()} ${unit} for ${this.algorithm.name} on these documents`,
      found: `${amount} ${unit}`,
    });
  }

  private spentOf(spent: Spending): number {
    return spent[this.budget.unit];
  }

  /** What one candidate on these documents costs, in the budget's unit. */
  private costOf(documents: readonly number[]): number {
    if (this.budget.unit === 'documents') return documents.length;
    return documents.reduce((sum, document) => sum + (this.objective.scoredTokens[document] as number), 0);
  }

  private reserve(): number {
    if (this.algorithm.comparesAcrossGenerations) return 0;
    return FINAL_CONTENDERS * this.costOf([...this.objective.documents.keys()]);
  }
}
