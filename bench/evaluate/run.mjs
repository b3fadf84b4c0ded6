// Tokens per second of one perplexity evaluation: ours, transformers (torch CPU, SDPA) and llama.cpp, same float32 weights, same
// tokens, two threads, in turn. node bench/evaluate/run.mjs [--lengths 2048,4096,8192] [--rounds 3] [--runs 1]
// Python: LONGROPE_PYTHON (transformers; default .venv/bin/python), LLAMA_CPP_PYTHON (llama-cpp-python; left out without it).
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openTokenizer } from '../../dist/index.js';
import { COMPARED, compared, comparedCells, inTurn, machine, Noise, printTable } from '../side-by-side.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const shared = path.resolve(root, '../shared');
const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    lengths: { type: 'string', default: '2048,4096,8192' },
    rounds: { type: 'string', default: '3' },
    runs: { type: 'string', default: '1' },
    flash: { type: 'boolean', default: true },
    ubatch: { type: 'string', default: '512' },
  },
});
const model = path.join(shared, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');
const python = process.env.LONGROPE_PYTHON ?? path.join(root, '.venv/bin/python');
const llamaPython = process.env.LLAMA_CPP_PYTHON;
const here = (name) => path.join(import.meta.dirname, name);
const work = path.join(root, 'runs/bench-evaluate');
await mkdir(work, { recursive: true });

const lengths = values.lengths.split(',').map(Number);
const tokenizer = await openTokenizer(model);
const text = await readFile(path.join(shared, 'data/pg19/test/3608.txt'), 'utf8');
const ids = path.join(work, 'ids');
await writeFile(
  ids,
  tokenizer.encode(text.slice(9000, 9000 + 8 * Math.max(...lengths))).slice(0, Math.max(...lengths)),
);
const float32 = path.join(work, 'float32.gguf');
if (!existsSync(float32)) await run(python, [here('make_f32_gguf.py'), model, float32]);

const measure = async (command, words) => {
  const { stdout } = await run(command, words, { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout.trim().split('\n').at(-1));
};
const engines = {
  longrope: (length) => measure(process.execPath, [here('longrope.mjs'), float32, ids, String(length), values.runs]),
  transformers: (length) =>
    measure(python, [here('transformers_engine.py'), model, ids, String(length), '--runs', values.runs]),
  ...(llamaPython && {
    'llama.cpp': (length) =>
      measure(llamaPython, [
        here('llama_cpp_engine.py'),
        ...[float32, ids, String(length), '--runs', values.runs, '--ubatch', values.ubatch],
        ...(values.flash ? ['--flash'] : []),
      ]),
  }),
};

const noise = new Noise();
const results = [];
for (const length of lengths) {
  const ofLength = Object.entries(engines).map(([name, engine]) => [name, () => engine(length)]);
  const rounds = await inTurn(Object.fromEntries(ofLength), Number(values.rounds), noise);
  for (const name of Object.keys(engines)) {
    const perplexity = Math.exp(rounds[0][name].mean_loss);
    results.push({ length, rounds: rounds.length, ...compared(rounds, name, length), perplexity });
  }
}
printTable([
  ['tokens', ...COMPARED, 'perplexity'],
  ...results.map((result) => [result.length, ...comparedCells(result), result.perplexity.toFixed(4)]),
]);
console.log(`${noise}`);
// Lengths may be measured in several sittings: those of an earlier one stay, with the noise of theirs.
const file = here('results.json');
const earlier = existsSync(file)
  ? JSON.parse(await readFile(file, 'utf8')).filter((row) => !lengths.includes(row.length))
  : [];
const measured = results.map((row) => ({ machine, noise: noise.spread, ...row }));
const all = [...earlier, ...measured].sort((a, b) => a.length - b.length);
await writeFile(file, `${JSON.stringify(all, null, 2)}\n`);
