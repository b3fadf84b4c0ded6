import { comparePaired, holm, type RecordOf } from '../../evaluation/index.js';
import type { BenchmarkPanel } from '../evaluation-panels.js';
import type { KindOf } from '../evaluation-report.js';
import { CONFIDENCE, groupsOf, seriesOf } from './groups.js';

type Result = RecordOf<'benchmark'>['results'][number];
/** Of the normal distribution, two-sided 95 %: standard errors of means over questions. */
const REACH = 1.959964;

export function benchmarkPanels(records: readonly KindOf<'benchmark'>[], reference: string): BenchmarkPanel[] {
  return groupsOf(records).map((group) => {
    const series = seriesOf(group);
    const tasks = new Map<string, Result>();
    for (const { results } of series) for (const result of results) tasks.set(result.task, result);
    const comparisons = comparisonsWith(reference, series);
    const adjusted = holm(comparisons.map(({ pValue }) => pValue));
    return {
      subject: group.subject,
      protocol: group.protocol,
      confidence: CONFIDENCE,
      tasks: [
        ...[...tasks.values()].map(({ task, headline, shots, samples }) => ({
          name: task,
          metric: headline,
          shots,
          questions: samples.length,
        })),
        ...groupTasks(group.members, tasks),
      ],
      series: series.map(({ name, results }) => ({
        name,
        scores: [...results.map(scoreOf), ...groupScores(group.members, name)],
      })),
      comparisons: comparisons.map((comparison, i) => ({ ...comparison, pValue: adjusted[i] as number })),
    };
  });
}

type Score = BenchmarkPanel['series'][number]['scores'][number];

function scoreOf({ task, headline, metrics }: Result): Score {
  const { value = null, standardError = null } = metrics[headline] ?? {};
  return scored(task, value, standardError);
}

function scored(task: string, value: number | null, standardError: number | null): Score {
  const points = (share: number | null) => (share === null ? null : 100 * share);
  // A share has no room below 0 and above 100 points, though a standard error may reach there.
  const at = (sign: number) =>
    value === null || standardError === null
      ? null
      : Math.min(100, Math.max(0, 100 * (value + sign * REACH * standardError)));
  return { task, score: points(value), standardError: points(standardError), interval: { low: at(-1), high: at(1) } };
}

/** The two ways in which results of several tasks are averaged (MMLU): the harness's and the leaderboard's. */
const MEANS = [
  { key: 'weighted', label: 'mean over questions' },
  { key: 'plain', label: 'mean over tasks' },
] as const;

function groupTasks(members: readonly KindOf<'benchmark'>[], tasks: ReadonlyMap<string, Result>) {
  const groups = new Map(members.flatMap(({ record }) => record.groups.map((entry) => [entry.group, entry])));
  return [...groups.values()].flatMap(({ group, metric, questions }) => {
    const shots = [...tasks.values()].find((task) => task.group === group)?.shots ?? 0;
    return MEANS.map(({ label }) => ({ name: `${group}, ${label}`, metric, shots, questions }));
  });
}

function groupScores(members: readonly KindOf<'benchmark'>[], series: string) {
  return members.flatMap(({ record, name }) =>
    record.groups
      .filter(({ method }) => name(method) === series)
      .flatMap((entry) =>
        MEANS.map(({ key, label }) => scored(`${entry.group}, ${label}`, entry[key].value, entry[key].standardError)),
      ),
  );
}

function comparisonsWith(
  against: string,
  series: readonly { readonly name: string; readonly results: readonly Result[] }[],
) {
  const reference = series.find(({ name }) => name === against)?.results ?? [];
  return series.flatMap(({ name, results }) => {
    if (name === against) return [];
    return results.flatMap((result) => {
      const theirs = reference.find(({ task }) => task === result.task);
      const scores = theirs && pairedScores(result, theirs);
      if (scores === undefined) return [];
      const { difference, interval, pValue } = comparePaired(scores.ours, scores.theirs, { level: CONFIDENCE });
      return [
        {
          task: result.task,
          name,
          against,
          difference: 100 * difference,
          // Where all pairs differ by the same (mostly by nothing), their spread says nothing about further questions.
          interval:
            interval === null || interval.low === interval.high
              ? null
              : { low: 100 * interval.low, high: 100 * interval.high },
          pValue,
        },
      ];
    });
  });
}

/** Scores of the same questions; nothing where the two answered different ones, or one has no score for one. */
function pairedScores(ours: Result, theirs: Result): { ours: number[]; theirs: number[] } | undefined {
  // Other examples before it make another question.
  if (ours.shots !== theirs.shots || ours.prompts !== theirs.prompts || ours.bos !== theirs.bos) return undefined;
  const byId = new Map(theirs.samples.map(({ id, scores }) => [id, scores[theirs.headline] ?? null]));
  if (ours.samples.length !== theirs.samples.length) return undefined;
  const pairs = ours.samples.flatMap(({ id, scores }) => {
    const [our, their] = [scores[ours.headline] ?? null, byId.get(id) ?? null];
    return our === null || their === null ? [] : [{ our, their }];
  });
  if (pairs.length < ours.samples.length) return undefined;
  return { ours: pairs.map(({ our }) => our), theirs: pairs.map(({ their }) => their) };
}
