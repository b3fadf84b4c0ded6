// What one step of a gradient search costs against one evaluation: seconds and peak memory of the loss of one document and of its
// gradient with respect to factors and attention factor, each in a process of its own.
//   node bench/search/cost.mjs [--model models/tiny] [--lengths 256,1024,4096,16384] [--rounds 3] [--book FILE]
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { parseRopeMethod } from '../../dist/evaluation/index.js';
import { loadModel, openTokenizer } from '../../dist/index.js';
import { writeFileAtomic } from '../../dist/run/index.js';
import { openEngine } from '../../dist/runtime/index.js';
import { machine, median, Noise, printTable } from '../side-by-side.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: path.join(root, 'models/tiny') },
    lengths: { type: 'string', default: '256,1024,4096,16384' },
    rounds: { type: 'string', default: '3' },
    book: { type: 'string', default: path.resolve(root, '../shared/data/pg19/validation/10002.txt') },
    child: { type: 'string' },
  },
});
const lengths = values.lengths.split(',').map(Number);

if (values.child !== undefined) await measure(values.child, lengths[0]);
else await compareAll();

async function compareAll() {
  const noise = new Noise();
  const rows = [];
  for (const length of lengths) {
    const runs = { evaluation: [], gradient: [] };
    for (let round = 0; round < Number(values.rounds); round++) {
      noise.sample();
      for (const kind of Object.keys(runs)) runs[kind].push(await child(kind, length));
    }
    const ratios = runs.gradient.map(({ seconds }, i) => seconds / runs.evaluation[i].seconds);
    rows.push({
      length,
      evaluationSeconds: median(runs.evaluation.map(({ seconds }) => seconds)),
      gradientSeconds: median(runs.gradient.map(({ seconds }) => seconds)),
      ratio: median(ratios),
      ratioRange: [Math.min(...ratios), Math.max(...ratios)],
      evaluationMegabytes: Math.max(...runs.evaluation.map(({ megabytes }) => megabytes)),
      gradientMegabytes: Math.max(...runs.gradient.map(({ megabytes }) => megabytes)),
    });
    console.error(`${length} measured`);
  }
  printTable([
    ['tokens', 'evaluation', 'gradient', 'ratio', 'range', 'peak MB', 'peak MB, gradient'],
    ...rows.map((row) => [
      row.length,
      `${row.evaluationSeconds.toFixed(2)} s`,
      `${row.gradientSeconds.toFixed(2)} s`,
      row.ratio.toFixed(2),
      row.ratioRange.map((ratio) => ratio.toFixed(2)).join(' to '),
      row.evaluationMegabytes.toFixed(0),
      row.gradientMegabytes.toFixed(0),
    ]),
  ]);
  console.log(String(noise));
  const file = path.join(import.meta.dirname, 'cost-results.json');
  const model = path.basename(path.resolve(values.model));
  const known = JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
  const measured = { machine, noise: noise.spread, rounds: Number(values.rounds), rows };
  await writeFileAtomic(file, `${JSON.stringify({ ...known, [model]: measured }, null, 2)}\n`);
}

async function child(kind, length) {
  const words = [
    import.meta.filename,
    '--child',
    kind,
    '--model',
    values.model,
    '--lengths',
    length,
    '--book',
    values.book,
  ];
  const { stdout } = await promisify(execFile)(process.execPath, words.map(String));
  return JSON.parse(stdout);
}

/** The median of three after one that warms up. */
async function measure(kind, length) {
  const model = await loadModel(values.model);
  const tokenizer = await openTokenizer(values.model);
  const ids = tokenizer.encode(await readFile(values.book, 'utf8')).slice(0, length);
  if (ids.length < length) throw new Error(`${values.book} has ${ids.length} tokens, expected ${length}`);
  const rope = (await parseRopeMethod('yarn@1', model.spec.rope)).resolve(length);
  const engine = await openEngine(model, { maxLength: length, gradients: kind === 'gradient', workers: 1 });
  const request = { ids, rope, scoreFrom: 1 };
  const seconds = [];
  for (let run = 0; run < 4; run++) {
    const started = performance.now();
    await (kind === 'gradient' ? engine.ropeGradient(request) : engine.tokenLosses(request));
    if (run > 0) seconds.push((performance.now() - started) / 1000);
  }
  await engine.close();
  console.log(JSON.stringify({ seconds: median(seconds), megabytes: process.resourceUsage().maxRSS / 1024 }));
}
