// SmolLM2-135M-Instruct (4-bit GGUF) from 8,192 to 16,384 tokens: the search, then perplexity and passkey of what it found beside none,
// PI, NTK and YaRN. node bench/smollm2/extend.mjs [--out FOLDER] [--only search,perplexity,passkey]      about four hours on two cores;
// the same command goes on. --only '' runs nothing and prints what is there.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pairedRatio } from '../../dist/evaluation/index.js';
import { printTable } from '../side-by-side.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/smollm2-16k' },
    only: { type: 'string', default: 'search,perplexity,passkey' },
  },
});
const shared = '../shared';
const model = `${shared}/models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf`;
const books = (split) => `${shared}/data/pg19/${split}`;
const folder = (name) => path.join(values.out, name);
const found = path.join(folder('search'), 'factors.json');
const LENGTHS = ['--length', '8k,12k,16k'];
const ropes = (...methods) => methods.flatMap((method) => ['--rope', method]);
const RUNS = {
  // Two books and a dozen steps: an evaluation takes two minutes, a step about eight.
  search: [
    ...['search', model, '--target', '16k', '--text', books('validation'), '--samples', '2'],
    ...['--skip-characters', '9000', '--budget', '36evals'],
  ],
  // Every set is fixed, so one pass of 16k gives the shorter lengths too.
  perplexity: [
    ...['evaluate', 'perplexity', model, books('test'), '--samples', '4', '--skip-characters', '9000', ...LENGTHS],
    ...ropes('none', 'pi:2', 'ntk:2', 'yarn:2@1', 'yarn:2', 'half-turn:2', found),
  ],
  passkey: ['evaluate', 'passkey', model, ...LENGTHS, '--trials', '5', ...ropes('none', 'yarn:2', found)],
};

const longrope = (words) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['bin/longrope.js', ...words], { cwd: root, stdio: 'inherit' });
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`longrope ${words[0]} ended with ${code}`))));
  });
for (const name of values.only.split(',').filter(Boolean)) {
  console.log(`\n== ${name}`);
  await longrope([...RUNS[name], '--out', folder(name)]);
}

const record = (name) => {
  const file = path.join(root, folder(name), 'result.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
};
const label = (method) => (method === found ? 'searched' : method);
const perplexity = record('perplexity');
if (perplexity !== null) {
  const lengths = [...new Set(perplexity.results.map(({ length }) => length))];
  const of = (method, length) => perplexity.results.find((one) => one.method === method && one.length === length);
  const methods = [...new Set(perplexity.results.map(({ method }) => method))];
  const losses = (method, length) => of(method, length).documents.map(({ meanLoss }) => meanLoss);
  const range = ({ low, high }, digits) => `${low.toFixed(digits)} to ${high.toFixed(digits)}`;
  for (const length of lengths)
    printTable([
      [`perplexity at ${length}`, '', '95 %', 'searched over it, paired', '95 %'],
      ...methods.map((method) => {
        const { perplexity: value, interval } = of(method, length);
        const { ratio, interval: paired } = pairedRatio(losses(found, length), losses(method, length));
        return [label(method), value.toFixed(2), range(interval, 2), ratio.toFixed(4), range(paired, 4)];
      }),
    ]);
}
const passkey = record('passkey');
if (passkey !== null)
  printTable([
    ['passkey', 'tokens', 'found', 'of'],
    ...passkey.results.map(({ method, length, trials }) => [
      label(method),
      `${length}`,
      `${trials.filter(({ correct }) => correct).length}`,
      `${trials.length}`,
    ]),
  ]);
