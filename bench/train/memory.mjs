// Peak memory of whole `finetune` processes of two steps against the estimate they are admitted by; fails beyond 30 %.
// node bench/train/memory.mjs [MODEL]     default: the embedded model at several shapes; another one: at its original length
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { loadModel, trainingMemory } from '../../dist/index.js';
import { PEAK, peakBytes, printTable } from '../side-by-side.mjs';

const TOLERANCE = 0.3;
const root = path.resolve(import.meta.dirname, '../..');
const book = path.resolve(root, '../shared/data/pg19/test/3608.txt');

const cases =
  process.argv[2] === undefined
    ? [
        { rowTokens: 256 },
        { rowTokens: 256, rows: 8 },
        { rowTokens: 256, rows: 8, optimizer: 'muon' },
        { rowTokens: 256, rows: 8, batches: 2 },
        { rowTokens: 256, rows: 32 },
        {
          rowTokens: 256,
          rows: 8,
          batches: 2,
          lora: { r: 8, loraAlpha: 16, targetModules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'], modulesToSave: [] },
        },
        { rowTokens: 2048 },
        { rowTokens: 4096 },
        { rowTokens: 8192 },
      ]
    : [{ rowTokens: 256 }, { rowTokens: 512, optimizer: 'muon' }, { rowTokens: 256, batches: 3 }];

const modelPath = process.argv[2] ?? path.join(root, 'models/tiny');
const { spec } = await loadModel(modelPath);
const work = await mkdtemp(path.join(os.tmpdir(), 'longrope-memory-'));

async function measured({ rowTokens, rows, batches, optimizer, lora }) {
  const ratio = rowTokens / spec.rope.originalLength;
  const words = {
    rope: ratio > 1 ? `yarn:${ratio}` : 'model',
    'max-seq-length': rowTokens,
    'per-device-train-batch-size': rows,
    'gradient-accumulation-steps': batches,
    optim: optimizer,
    ...(lora && { 'lora-r': lora.r }),
    'max-steps': 2,
    out: path.join(work, 'run'),
  };
  const flags = Object.entries(words).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const command = ['--import', PEAK, path.join(root, 'bin/longrope.js'), 'finetune', modelPath, book, ...flags];
  const { stderr } = await promisify(execFile)(process.execPath, command);
  await rm(path.join(work, 'run'), { recursive: true });
  return peakBytes(stderr);
}

const lines = [['tokens', 'rows', 'batches', 'optimiser', 'peak MB', 'estimate MB', 'estimate / peak']];
try {
  for (const each of cases) {
    const shape = { rows: 1, batches: 1, optimizer: 'adamw', ...each };
    const { rowTokens, rows, batches, optimizer, lora } = shape;
    const size = {
      optimizer,
      tokens: rows * rowTokens,
      longest: rowTokens,
      batchesPerStep: batches,
      evalLength: 0,
      threads: os.availableParallelism(),
      lora,
    };
    const [estimate, peak] = [trainingMemory(spec, size), await measured(shape)];
    if (Math.abs(estimate / peak - 1) > TOLERANCE) process.exitCode = 1;
    const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
    lines.push([
      rowTokens,
      rows,
      batches,
      lora ? `${optimizer}, LoRA` : optimizer,
      megabytes(peak),
      megabytes(estimate),
      (estimate / peak).toFixed(2),
    ]);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
printTable(lines);
