import { textTable } from '../../report/index.js';
import { type BenchmarkRecord, evaluateBenchmark } from '../../workflow/evaluate-benchmark.js';
import type { EvaluateBenchmarkOptions } from '../commands/evaluate-benchmark.js';
import { runEvaluation } from './evaluation.js';

export async function runEvaluateBenchmark(model: string, options: EvaluateBenchmarkOptions): Promise<void> {
  const { data, tasks, shots, limit, seed, maxLength } = options;
  await runEvaluation(
    model,
    options,
    'benchmark',
    (target) =>
      evaluateBenchmark({
        ...target,
        data,
        ...(tasks !== undefined && { tasks }),
        ...(shots !== undefined && { shots }),
        ...(limit !== undefined && { limit }),
        ...(seed !== undefined && { seed }),
        ...(maxLength !== undefined && { maxLength }),
      }),
    benchmarkText,
  );
}

function benchmarkText({ model, protocol, notes, results, groups }: BenchmarkRecord): string {
  const header = ['task', 'rope', 'shots', 'questions', 'metric', 'value', 'standard error'];
  const rows = results.flatMap(({ task, method, shots, samples, metrics, headline }) =>
    Object.entries(metrics).map(([metric, { value, standardError }]) => ({
      bold: metric === headline,
      texts: [task, method, String(shots), String(samples.length), metric, fixed(value), fixed(standardError)],
    })),
  );
  const means = groups.flatMap(({ method, group, metric, tasks, questions, weighted, plain }) =>
    (
      [
        ['over questions', weighted],
        ['over tasks', plain],
      ] as const
    ).map(([name, { value, standardError }]) => ({
      bold: true,
      texts: [
        `${group}, ${tasks} tasks, mean ${name}`,
        method,
        '',
        String(questions),
        metric,
        fixed(value),
        fixed(standardError),
      ],
    })),
  );
  const table = [{ bold: false, texts: header }, ...rows, ...means].map(({ bold, texts }) =>
    texts.map((text) => (bold ? { text, style: 'bold' as const } : { text })),
  );
  return [
    `${model.path}, original length ${model.originalLength}`,
    `protocol: ${protocol}`,
    ...notes.map((note) => `note: ${note}`),
    '',
    textTable(table, { colour: process.stdout.isTTY === true }),
  ].join('\n');
}

function fixed(value: number | null): string {
  return value === null ? '-' : value.toFixed(4);
}
