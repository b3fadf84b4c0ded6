/** A mean over questions or tasks with its standard error; the error is NaN where there are too few. */
export interface MeanWithError {
  readonly value: number;
  readonly standardError: number;
}

/** Mean and sample standard deviation / sqrt(n), as lm-evaluation-harness gives them for `acc` and the like. */
export function meanWithError(values: readonly number[]): MeanWithError {
  const n = values.length;
  const value = values.reduce((sum, x) => sum + x, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - value) ** 2, 0) / (n - 1);
  return { value, standardError: Math.sqrt(variance) / Math.sqrt(n) };
}

/** A task of a group. */
export interface GroupMember extends MeanWithError {
  readonly size: number;
}

/** Mean over all questions of a group; its error from the pooled sample variance. lm-evaluation-harness's rule for MMLU. */
export function weightedMean(members: readonly GroupMember[]): MeanWithError {
  const total = members.reduce((sum, { size }) => sum + size, 0);
  const value = members.reduce((sum, member) => sum + member.value * member.size, 0) / total;
  const pooled =
    members.reduce((sum, { size, standardError }) => sum + (size - 1) * standardError ** 2 * size, 0) /
    (total - members.length);
  return { value, standardError: Math.sqrt(pooled / total) };
}

/** Mean of the tasks' means, whatever their sizes: the Open LLM Leaderboard's rule for MMLU. */
export function plainMean(members: readonly GroupMember[]): MeanWithError {
  const value = members.reduce((sum, member) => sum + member.value, 0) / members.length;
  const squares = members.reduce((sum, { standardError }) => sum + standardError ** 2, 0);
  return { value, standardError: Math.sqrt(squares) / members.length };
}
