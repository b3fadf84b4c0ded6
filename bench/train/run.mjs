// A training step of the embedded model, ours against torch CPU eager: loss, gradient of all weights, AdamW; same weights, same
// tokens, two threads, in turn. node bench/train/run.mjs [--shapes 16x256,1x8192] [--rounds 3] [--steps 3]
// Python: LONGROPE_PYTHON (transformers; default .venv/bin/python).
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openTokenizer, textTable } from '../../dist/index.js';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    shapes: { type: 'string', default: '16x256,1x8192' },
    rounds: { type: 'string', default: '3' },
    steps: { type: 'string', default: '3' },
  },
});
const model = path.join(root, 'models/tiny');
const python = process.env.LONGROPE_PYTHON ?? path.join(root, '.venv/bin/python');
const here = (name) => path.join(import.meta.dirname, name);
const work = path.join(root, 'runs/bench-train');
await mkdir(work, { recursive: true });
const tokenizer = await openTokenizer(model);
const text = await readFile(path.resolve(root, '../shared/data/pg19/test/3608.txt'), 'utf8');
const ids = path.join(work, 'ids');
await writeFile(ids, tokenizer.encode(text.slice(9000, 9000 + 100_000)).slice(0, 16_384));

const measure = async (command, words) => JSON.parse((await run(command, words)).stdout.trim().split('\n').at(-1));
const torch = (shape, ...words) =>
  measure(python, [here('torch_engine.py'), model, ids, ...shape, '--steps', values.steps, ...words]);
const engines = {
  longrope: (shape) => measure(process.execPath, [here('longrope.mjs'), model, ids, ...shape, values.steps]),
  torch: (shape) => torch(shape),
  'torch, checkpointing': (shape) => torch(shape, '--checkpointing'),
};

/** A fixed piece of arithmetic, timed between the rounds: how steady the machine is. */
function reference() {
  const started = performance.now();
  let x = 0;
  for (let i = 1; i < 3e8; i++) x += 1 / i;
  return x > 0 ? performance.now() - started : Number.NaN;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const [rows, noise] = [[], []];
for (const shape of values.shapes.split(',')) {
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    noise.push(reference());
    const row = {};
    for (const [name, engine] of Object.entries(engines)) row[name] = await engine(shape.split('x'));
    rounds.push(row);
  }
  for (const name of Object.keys(engines)) {
    const ratios = rounds.map((row) => row[name].seconds / row.longrope.seconds);
    const { losses } = rounds[0][name];
    rows.push({
      shape,
      engine: name,
      tokensPerSecond: rounds[0][name].tokens / median(rounds.map((row) => row[name].seconds)),
      oursIsFasterBy: median(ratios),
      ratioRange: [Math.min(...ratios), Math.max(...ratios)],
      peakMegabytes: Math.max(...rounds.map((row) => row[name].peak_rss_mb)),
      lossDifference: Math.max(...losses.map((loss, i) => Math.abs(loss - rounds[0].longrope.losses[i]))),
    });
  }
}
const spread = Math.max(...noise) / Math.min(...noise) - 1;
const cells = (row) => row.map((entry) => ({ text: entry }));
console.log(
  textTable(
    [
      ['batch', 'engine', 'tokens/s', 'ours / it', 'range', 'peak MB', 'largest loss difference'],
      ...rows.map((row) => [
        row.shape,
        row.engine,
        row.tokensPerSecond.toFixed(0),
        `${row.oursIsFasterBy.toFixed(2)}x`,
        row.ratioRange.map((ratio) => ratio.toFixed(2)).join(' to '),
        row.peakMegabytes.toFixed(0),
        row.lossDifference.toExponential(1),
      ]),
    ].map(cells),
    { colour: false },
  ),
);
console.log(`machine noise: a fixed computation varied by ${(100 * spread).toFixed(0)} %`);
const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} cores`;
await writeFile(here('results.json'), `${JSON.stringify({ machine, noise: spread, rows }, null, 2)}\n`);
