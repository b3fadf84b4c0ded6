import { codePoints } from './python-text.js';
import { type BenchmarkTask, goldOf, type Metric, type Question } from './question.js';

/**
 * What one question adds to each metric of its task, from the summed log-probabilities (nats) of its choices. Ties go to the
 * first choice, as numpy's argmax has it.
 */
export function scoreQuestion(
  { scoring, metrics }: Pick<BenchmarkTask, 'scoring' | 'metrics'>,
  question: Question,
  logLikelihoods: readonly number[],
): Record<string, number> {
  if (scoring === 'probability-mass') return { acc: rightMass(question, logLikelihoods) };
  const gold = goldOf(question);
  return Object.fromEntries(
    metrics.map((metric) => {
      const values = logLikelihoods.map((value, i) => value / LENGTH[metric](question.choices[i] as string));
      return [metric, argmax(values) === gold ? 1 : 0];
    }),
  );
}

const LENGTH: Readonly<Record<Metric, (choice: string) => number>> = {
  acc: () => 1,
  acc_norm: codePoints,
  acc_bytes: (choice) => Buffer.byteLength(choice),
};

/** Share of the right choices in the probability of all; NaN when that is too small for a float64. */
function rightMass({ right }: Question, logLikelihoods: readonly number[]): number {
  const probabilities = logLikelihoods.map(Math.exp);
  const total = probabilities.reduce((sum, value) => sum + value, 0);
  return probabilities.reduce((sum, value, i) => (right[i] ? sum + value / total : sum), 0);
}

function argmax(values: readonly number[]): number {
  let best = 0;
  for (const [i, value] of values.entries()) if (value > (values[best] as number)) best = i;
  return best;
}
