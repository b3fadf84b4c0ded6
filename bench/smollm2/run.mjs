// SmolLM2-135M-Instruct (4-bit GGUF) on the paper's evaluations, and its figures beside the published ones.
// node bench/smollm2/run.mjs [--out FOLDER] [--only arc,passkey]      about two hours on two cores; the same command goes on.
// --only '' runs nothing and prints what is there. Every evaluation is a run folder below --out; at the end `longrope report` writes FOLDER/report.html from what is there.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { printTable } from '../side-by-side.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: { out: { type: 'string', default: 'runs/smollm2' }, only: { type: 'string' } },
});
const shared = '../shared';
const model = `${shared}/models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf`;
const SUBJECTS = ['anatomy', 'astronomy', 'college_biology', 'high_school_geography', 'world_religions'];
const LENGTHS = ['--length', '1k,2k,4k,8k', '--rope', 'none'];
const benchmark = (...words) => ['benchmark', model, '--data', `${shared}/data/benchmarks`, '--tasks', ...words];
const EVALUATIONS = {
  pg19: ['perplexity', model, `${shared}/data/pg19/test`, '--skip-characters', '9000', ...LENGTHS],
  'proof-pile': ['perplexity', model, `${shared}/data/proof-pile/test`, '--min-tokens', '8192', ...LENGTHS],
  mmlu: benchmark(SUBJECTS.map((subject) => `mmlu_${subject}`).join(',')),
  passkey: ['passkey', model, ...LENGTHS],
  truthfulqa: benchmark('truthfulqa_mc1,truthfulqa_mc2'),
  hellaswag: benchmark('hellaswag', '--limit', '500'),
  arc: benchmark('arc_challenge'),
};

/** Percent. Zero-shot by lighteval from the model's card; by lm-evaluation-harness, zero-shot, from lldois' model pages. */
const PUBLISHED = {
  arc_challenge: '37.3 (card: mean of Easy and Challenge, 0-shot), 27.7 (harness, 0-shot)',
  hellaswag: '40.9 (card, 0-shot), 43.0 (harness, 0-shot)',
  mmlu: '29.3 (card: cloze, 57 subjects)',
};

const only = (values.only ?? Object.keys(EVALUATIONS).join(',')).split(',').filter(Boolean);
const longrope = (words) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['bin/longrope.js', ...words], { cwd: root, stdio: 'inherit' });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`longrope ${words[0]} ended with ${code}`))));
  });
const folder = (name) => path.join(values.out, name);
for (const name of only) {
  console.log(`\n== ${name}`);
  await longrope(['evaluate', ...EVALUATIONS[name], '--out', folder(name)]);
}

const finished = Object.keys(EVALUATIONS).filter((name) => existsSync(path.join(root, folder(name), 'result.json')));
await longrope(['report', ...finished.map(folder), '--title', 'SmolLM2-135M-Instruct', '--out', folder('report.html')]);
const records = Object.fromEntries(
  await Promise.all(
    finished.map(async (name) => [
      name,
      JSON.parse(await readFile(path.join(root, folder(name), 'result.json'), 'utf8')),
    ]),
  ),
);
const of = (kind) => Object.entries(records).filter(([, record]) => record.kind === kind);

const benchmarks = of('benchmark').flatMap(([, record]) => {
  const mmlu = record.groups.filter(({ group }) => group === 'mmlu');
  if (mmlu.length > 0)
    return mmlu.map(({ group, metric, questions, weighted }) => ({ task: group, metric, questions, ...weighted }));
  return record.results.map(({ task, shots, headline, metrics, samples }) => ({
    ...{ task, shots, metric: headline, questions: samples.length },
    ...metrics[headline],
  }));
});
const perplexities = of('perplexity').flatMap(([text, record]) =>
  record.results.map(({ length, perplexity, interval, documents }) => ({
    ...{
      text,
      length,
      documents: documents.length,
      perplexity,
      low: interval?.low ?? null,
      high: interval?.high ?? null,
    },
  })),
);
const passkeys = of('passkey').flatMap(([, record]) =>
  record.results.map(({ length, trials }) => ({
    ...{ length, trials: trials.length, correct: trials.filter(({ correct }) => correct).length },
  })),
);

console.log();
printTable([
  ['task', 'shots', 'questions', 'metric', 'ours', 'published'],
  ...benchmarks.map(({ task, shots = 5, metric, questions, value, standardError }) => [
    ...[task, shots, questions, metric],
    `${(100 * value).toFixed(1)} ± ${(100 * standardError).toFixed(1)}`,
    PUBLISHED[task] ?? '',
  ]),
]);
console.log();
printTable([
  ['text', 'tokens', 'documents', 'perplexity', 'interval'],
  ...perplexities.map(({ text, length, documents, perplexity, low, high }) => [
    ...[text, length, documents, perplexity.toFixed(2)],
    low === null ? '' : `${low.toFixed(2)} to ${high.toFixed(2)}`,
  ]),
]);
console.log();
printTable([
  ['passkey tokens', 'correct'],
  ...passkeys.map(({ length, trials, correct }) => [length, `${correct} of ${trials}`]),
]);
const results = { benchmarks, perplexities, passkeys };
await writeFile(path.join(import.meta.dirname, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
