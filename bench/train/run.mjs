// A training step of the embedded model, ours against torch CPU eager: loss, gradient of all weights, AdamW; same weights, same
// tokens, two threads, in turn. node bench/train/run.mjs [--shapes 16x256,1x8192] [--rounds 3] [--steps 3]
// Python: LONGROPE_PYTHON (transformers; default .venv/bin/python).
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openTokenizer } from '../../dist/index.js';
import { COMPARED, compared, comparedCells, inTurn, machine, Noise, printTable } from '../side-by-side.mjs';

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

const noise = new Noise();
const rows = [];
for (const shape of values.shapes.split(',')) {
  const sizes = shape.split('x');
  const ofShape = Object.entries(engines).map(([name, engine]) => [name, () => engine(sizes)]);
  const rounds = await inTurn(Object.fromEntries(ofShape), Number(values.rounds), noise);
  for (const name of Object.keys(engines)) {
    const { losses, tokens } = rounds[0][name];
    const lossDifference = Math.max(...losses.map((loss, i) => Math.abs(loss - rounds[0].longrope.losses[i])));
    rows.push({ shape, ...compared(rounds, name, tokens), lossDifference });
  }
}
printTable([
  ['batch', ...COMPARED, 'largest loss difference'],
  ...rows.map((row) => [row.shape, ...comparedCells(row), row.lossDifference.toExponential(1)]),
]);
console.log(`${noise}`);
await writeFile(here('results.json'), `${JSON.stringify({ machine, noise: noise.spread, rows }, null, 2)}\n`);
