import { toFigure } from '../records/figures.js';
import type { RecordOf } from '../records/record.js';
import type { Answered } from './ask.js';
import { type GroupMember, type MeanWithError, meanWithError, plainMean, weightedMean } from './mean.js';
import { type BenchmarkTask, goldOf } from './question.js';
import { scoreQuestion } from './score.js';

export type BenchmarkResult = RecordOf<'benchmark'>['results'][number];
export type BenchmarkGroup = RecordOf<'benchmark'>['groups'][number];

/** What was asked, for comparisons: hash of the prompts, and whether a BOS stood in front. */
export type AskedWith = Pick<BenchmarkResult, 'prompts' | 'bos'>;

/** The result of one task under one method; `answers` in the order of its questions. */
export function taskResult(
  method: string,
  task: BenchmarkTask,
  answers: readonly Answered[],
  { prompts, bos }: AskedWith,
): BenchmarkResult {
  const scored = task.questions.map((question, i) => {
    const { logLikelihoods } = answers[i] as Answered;
    // A likelihood that is not a number cannot be the best one.
    const numbers = logLikelihoods.map((value) => value ?? Number.NEGATIVE_INFINITY);
    const scores = scoreQuestion(task, question, numbers);
    // Where none is one there is no answer, and no share of right ones: the first would be taken for it.
    const isAnswered = logLikelihoods.some((value) => value !== null);
    const own = isAnswered ? scores : Object.fromEntries(Object.keys(scores).map((metric) => [metric, Number.NaN]));
    return { question, logLikelihoods, scores: own };
  });
  return {
    method,
    task: task.name,
    group: task.group,
    shots: task.shots,
    prompts,
    bos,
    headline: task.headline,
    metrics: Object.fromEntries(
      task.metrics.map((metric) => [
        metric,
        figures(meanWithError(scored.map(({ scores }) => scores[metric] as number))),
      ]),
    ),
    samples: scored.map(({ question, logLikelihoods, scores }) => ({
      id: question.id,
      gold: goldOf(question),
      logLikelihoods: [...logLikelihoods],
      scores: Object.fromEntries(Object.entries(scores).map(([metric, score]) => [metric, toFigure(score)])),
    })),
  };
}

/** Both means of every group that has more than one task, in the order of the results. */
export function groupResults(results: readonly BenchmarkResult[]): BenchmarkGroup[] {
  const groups = new Map<string, BenchmarkResult[]>();
  for (const result of results) {
    const key = JSON.stringify([result.method, result.group]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()]
    .filter(([, second]) => second !== undefined)
    .map((tasks) => {
      const [{ method, group, headline }] = tasks as [BenchmarkResult];
      const members = tasks.map(({ metrics, samples }): GroupMember => {
        const { value, standardError } = metrics[headline] as BenchmarkResult['metrics'][string];
        return { value: value ?? Number.NaN, standardError: standardError ?? Number.NaN, size: samples.length };
      });
      return {
        method,
        group,
        metric: headline,
        tasks: tasks.length,
        questions: members.reduce((sum, { size }) => sum + size, 0),
        weighted: figures(weightedMean(members)),
        plain: figures(plainMean(members)),
      };
    });
}

function figures({ value, standardError }: MeanWithError) {
  return { value: toFigure(value), standardError: toFigure(standardError) };
}
