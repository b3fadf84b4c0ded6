import { effectiveLengths, type RecordOf, rulerAverages, taskScore, wilsonInterval } from '../../evaluation/index.js';
import { evaluateRuler } from '../../workflow/evaluate-ruler.js';
import type { RulerFlags } from '../commands/evaluate-ruler.js';
import { runEvaluation } from './evaluation.js';
import { percent, plainTable } from './share-cells.js';

export function runEvaluateRuler(model: string, flags: RulerFlags): Promise<void> {
  const { tasks, samples, haystack, seed, length, threshold } = flags;
  return runEvaluation(
    model,
    flags,
    'ruler',
    (target) =>
      evaluateRuler(target, {
        samples,
        haystack,
        seed,
        threshold,
        bos: flags.bos,
        policy: flags.switch,
        ...(tasks !== undefined && { tasks }),
        ...(length !== undefined && { lengths: length }),
      }),
    rulerText,
  );
}

/** Per method: task against length, the averages, and the effective length. */
function rulerText({ model, protocol, notes, threshold, results }: RecordOf<'ruler'>): string {
  const averages = rulerAverages(results);
  const tables = effectiveLengths(averages, threshold).map(({ method, length: effective }) => {
    const own = results.filter((result) => result.method === method);
    const lengths = [...new Set(own.map(({ length }) => length))];
    const tasks = [...new Set(own.map(({ task }) => task))];
    const cell = (task: string, length: number) => {
      const { samples = [] } = own.find((result) => result.task === task && result.length === length) ?? {};
      const score = taskScore(samples);
      const interval = wilsonInterval((score / 100) * samples.length, samples.length);
      return [score.toFixed(1), interval === null ? '-' : `${percent(interval.low)} to ${percent(interval.high)}`];
    };
    const average = (length: number) =>
      (averages.find((entry) => entry.method === method && entry.length === length)?.average ?? Number.NaN).toFixed(1);
    return [
      `rope ${method}`,
      plainTable([
        ['task', ...lengths.flatMap((length) => [String(length), '95 %'])],
        ...tasks.map((task) => [task, ...lengths.flatMap((length) => cell(task, length))]),
        ['average', ...lengths.flatMap((length) => [average(length), ''])],
      ]),
      `effective length (average of at least ${threshold}): ${effective ?? `below ${Math.min(...lengths)}`}`,
    ].join('\n');
  });
  return [`${model.path}, original length ${model.originalLength}`, protocol, ...notes, '', tables.join('\n\n')].join(
    '\n',
  );
}
