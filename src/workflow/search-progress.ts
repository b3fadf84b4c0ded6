import type { ReportProgress } from '../run/index.js';
import type { Budget, SearchProgress } from '../search/index.js';

const DETAILS: Partial<Record<SearchProgress['phase'], string>> = {
  final: 'scoring the contenders',
  baselines: 'scoring the closed forms',
  'held-out': 'scoring held-out documents',
};

/**
 * How far a search is, in the unit of its budget: the scores of baselines and on held-out documents, which follow outside the budget, are
 * taken to cost what an evaluation cost on average, so that the share never falls.
 */
export function reportSearch(report: ReportProgress): (progress: SearchProgress) => void {
  return ({ phase, spent, budget: { unit, amount }, best, extra }) => {
    const evaluation = spent[unit] / spent.documents;
    const total = amount + extra.total * evaluation;
    const detail = DETAILS[phase] ?? (best && `best ${Math.exp(best.loss).toFixed(2)}`);
    const isOutside = phase === 'baselines' || phase === 'held-out';
    report(isOutside ? amount + extra.done * evaluation : Math.min(spent[unit], amount), total, detail ?? '');
  };
}

export interface CurriculumPart {
  readonly targetLength: number;
  readonly budget: Budget;
}

/** Progress of the searches of a curriculum as that of one. */
export function reportPart(report: ReportProgress, parts: readonly CurriculumPart[], index: number): ReportProgress {
  const costs = parts.map(
    ({ targetLength, budget }) => budget.amount * (budget.unit === 'documents' ? targetLength : 1),
  );
  const sum = (some: readonly number[]) => some.reduce((all, cost) => all + cost, 0);
  return (done, total, detail) =>
    report(sum(costs.slice(0, index)) + ((costs[index] as number) * done) / total, sum(costs), detail);
}
