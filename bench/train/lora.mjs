// A step of `finetune` with low-rank updates against one of all weights, whole processes in turn: the time between 2 and 8 steps, and
// the peak memory.   node bench/train/lora.mjs [MODEL] [--batch 16] [--length 256] [--rounds 3]     default: the embedded model
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import {
  COMPARED,
  compared,
  comparedCells,
  inTurn,
  machine,
  Noise,
  PEAK,
  peakBytes,
  printTable,
} from '../side-by-side.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const book = path.resolve(root, '../shared/data/pg19/test/3608.txt');
const [FEW, MANY] = [2, 8];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    batch: { type: 'string', default: '16' },
    length: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '3' },
  },
});
const { batch, length, rounds } = values;
const work = await mkdtemp(path.join(os.tmpdir(), 'longrope-lora-'));

async function run(steps, more) {
  const out = path.join(work, 'run');
  const words = ['finetune', positionals[0] ?? path.join(root, 'models/tiny'), book, '--rope', 'model', '--out', out];
  const size = ['--max-seq-length', length, '--per-device-train-batch-size', batch, '--max-steps', String(steps)];
  const started = performance.now();
  const command = ['--import', PEAK, path.join(root, 'bin/longrope.js'), ...words, ...size, ...more];
  const { stderr } = await promisify(execFile)(process.execPath, command);
  const seconds = (performance.now() - started) / 1000;
  await rm(out, { recursive: true });
  return { seconds, peak: peakBytes(stderr) / 2 ** 20 };
}

async function step(...more) {
  const few = await run(FEW, more);
  const many = await run(MANY, more);
  return { seconds: (many.seconds - few.seconds) / (MANY - FEW), peak_rss_mb: many.peak };
}

const noise = new Noise();
try {
  const engines = { longrope: () => step('--lora-r', '8'), 'all weights': () => step() };
  const measured = await inTurn(engines, Number(rounds), noise);
  const tokens = Number(batch) * Number(length);
  const rows = Object.keys(engines).map((name) => comparedCells(compared(measured, name, tokens)));
  rows[0][0] = 'LoRA, rank 8';
  printTable([COMPARED, ...rows]);
  console.log(`${noise}; ${machine}`);
} finally {
  await rm(work, { recursive: true, force: true });
}
