import type { FrontEntry, Score } from './result.js';

/** All of `contenders` and those of `others` that are on the Pareto front of both, by the means of the objective's parts. */
export function paretoFront(contenders: readonly Score[], others: readonly Score[]): readonly FrontEntry[] {
  const all = [...contenders, ...others];
  return all
    .map((entry) => ({ ...entry, isFront: !all.some((other) => dominates(other, entry)) }))
    .filter(({ isFront }, i) => isFront || i < contenders.length);
}

function dominates({ parts: a = {} }: Score, { parts: b = {} }: Score): boolean {
  const pairs = Object.entries(a).map(([name, mean]) => [mean, b[name] as number] as const);
  return pairs.every(([mine, yours]) => mine <= yours) && pairs.some(([mine, yours]) => mine < yours);
}
