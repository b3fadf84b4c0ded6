// Our run folders of run.mjs against answers of lm-evaluation-harness to the first questions of the same tasks.
// node bench/smollm2/compare.mjs ANSWERS [--out runs/smollm2]
// ANSWERS: a folder of files TASK-QUESTIONS.json of parity/reference_benchmarks.py, such as LONGROPE_PARITY_ANSWERS keeps.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { textTable } from '../../dist/index.js';

const root = path.resolve(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: path.join(root, 'runs/smollm2') } },
});
const [answers] = positionals;
const json = async (file) => JSON.parse(await readFile(file, 'utf8'));

const ours = new Map();
for (const run of ['arc', 'hellaswag', 'truthfulqa', 'mmlu'])
  for (const result of (await json(path.join(values.out, run, 'result.json'))).results) ours.set(result.task, result);

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
const rows = [];
for (const file of (await readdir(answers)).sort()) {
  const task = [...ours.keys()].find((name) => file.includes(`-${name}-`) && file.endsWith('.json'));
  if (task === undefined) continue;
  const { samples, metrics } = await json(path.join(answers, file));
  const same = ours.get(task).samples.slice(0, samples.length);
  const difference = Math.max(
    ...samples.flatMap(({ logLikelihoods }, i) =>
      logLikelihoods.map((value, k) => Math.abs(value - same[i].logLikelihoods[k])),
    ),
  );
  for (const metric of ['acc', 'acc_norm'].filter((name) => name in metrics))
    rows.push({
      task,
      questions: samples.length,
      difference,
      metric,
      ours: mean(same.map(({ scores }) => scores[metric])),
      harness: metrics[metric],
    });
}
const cells = (row) => row.map((text) => ({ text }));
console.log(
  textTable(
    [
      ['task', 'questions', 'largest difference', 'metric', 'ours', 'harness'],
      ...rows.map((row) => [
        row.task,
        String(row.questions),
        row.difference.toExponential(1),
        row.metric,
        row.ours.toFixed(4),
        row.harness.toFixed(4),
      ]),
    ].map(cells),
    { colour: false },
  ),
);
const wrong = rows.filter(
  (row) => row.difference > 1e-3 || Math.abs(row.ours - row.harness) > (row.task.endsWith('mc2') ? 1e-4 : 1e-12),
);
console.log(wrong.length === 0 ? 'all within 1e-3, accuracies equal' : `${wrong.length} of ${rows.length} differ`);
process.exitCode = wrong.length === 0 ? 0 : 1;
