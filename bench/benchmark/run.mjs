// ARC-Challenge 25-shot: `longrope evaluate benchmark` against lm-evaluation-harness (torch CPU), same questions, one run.
// node bench/benchmark/run.mjs [--questions 100] [--shots 25] [--batch 1]     --batch: of the harness
// Python: LONGROPE_PYTHON (lm_eval, transformers; default .venv/bin/python). The harness takes half a minute per question.
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { evaluateBenchmark } from '../../dist/index.js';
import { machine, Noise, printTable } from '../side-by-side.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const shared = path.resolve(root, '../shared');
const { values } = parseArgs({
  options: {
    questions: { type: 'string', default: '100' },
    shots: { type: 'string', default: '25' },
    batch: { type: 'string', default: '1' },
  },
});
const [questions, shots] = [Number(values.questions), Number(values.shots)];
const model = path.join(shared, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');
const data = path.join(shared, 'data/benchmarks');
const python = process.env.LONGROPE_PYTHON ?? path.join(root, '.venv/bin/python');
const work = path.join(root, 'runs/bench-benchmark');
await mkdir(work, { recursive: true });

/** Seconds of each engine include its start: the model has to be loaded for any question. */
async function timed(run) {
  const started = performance.now();
  const result = await run();
  return { seconds: (performance.now() - started) / 1000, result };
}

const noise = new Noise();
noise.sample();
const ours = await timed(() =>
  evaluateBenchmark({
    model,
    methods: ['model'],
    command: 'bench',
    data,
    tasks: ['arc_challenge'],
    shots,
    limit: questions,
  }),
);
noise.sample();
const output = path.join(work, 'harness.json');
await rm(output, { force: true });
const theirs = await timed(async () => {
  const words = [path.join(root, 'parity/reference_benchmarks.py'), data, model, '--batch', values.batch];
  const child = spawn(python, words, { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.end(`${JSON.stringify({ task: 'arc_challenge', shots, limit: questions, output })}\n`);
  for await (const _ of createInterface({ input: child.stdout }));
  return JSON.parse(await readFile(output, 'utf8'));
});
noise.sample();

const samples = ours.result.results[0].samples;
const best = (values) => values.indexOf(Math.max(...values));
const same = samples.filter(
  ({ logLikelihoods }, i) => best(logLikelihoods) === best(theirs.result.samples[i].logLikelihoods),
);
const difference = Math.max(
  ...samples.flatMap(({ logLikelihoods }, i) =>
    logLikelihoods.map((value, choice) => Math.abs(value - theirs.result.samples[i].logLikelihoods[choice])),
  ),
);
const result = {
  machine,
  noise: noise.spread,
  questions,
  shots,
  batch: Number(values.batch),
  seconds: { longrope: ours.seconds, harness: theirs.seconds },
  ratio: theirs.seconds / ours.seconds,
  sameAnswers: same.length,
  largestDifference: difference,
};
const row = (engine, seconds, accuracy) => [
  ...[engine, seconds.toFixed(1), (seconds / questions).toFixed(2), accuracy.toFixed(4)],
];
printTable([
  ['engine', 'seconds', 'per question', 'acc_norm'],
  row('longrope', ours.seconds, ours.result.results[0].metrics.acc_norm.value),
  row('lm-evaluation-harness', theirs.seconds, theirs.result.metrics.acc_norm),
]);
console.log(
  `${result.ratio.toFixed(2)}x faster; ${same.length} of ${questions} answers equal, log-likelihoods within ${difference.toExponential(1)}; ${noise}`,
);
await writeFile(path.join(import.meta.dirname, 'results.json'), `${JSON.stringify(result, null, 2)}\n`);
