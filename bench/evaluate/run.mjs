// Tokens per second of one perplexity evaluation: ours, transformers (torch CPU, SDPA) and llama.cpp, same float32 weights, same
// tokens, two threads, in turn. node bench/evaluate/run.mjs [--lengths 2048,4096,8192] [--rounds 3] [--runs 1]
// Python: LONGROPE_PYTHON (transformers; default .venv/bin/python), LLAMA_CPP_PYTHON (llama-cpp-python; left out without it).
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { openTokenizer, textTable } from '../../dist/index.js';

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

/** A fixed piece of arithmetic, timed between the rounds: how steady the machine is. */
function reference() {
  const started = performance.now();
  let x = 0;
  for (let i = 1; i < 3e8; i++) x += 1 / i;
  return x > 0 ? performance.now() - started : Number.NaN;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
const results = [];
const noise = [];
for (const length of lengths) {
  const rounds = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    noise.push(reference());
    const row = {};
    for (const [name, engine] of Object.entries(engines)) row[name] = await engine(length);
    rounds.push(row);
  }
  for (const name of Object.keys(engines)) {
    const ratios = rounds.map((row) => row[name].seconds / row.longrope.seconds);
    results.push({
      length,
      rounds: rounds.length,
      engine: name,
      tokensPerSecond: length / median(rounds.map((row) => row[name].seconds)),
      oursIsFasterBy: median(ratios),
      ratioRange: [Math.min(...ratios), Math.max(...ratios)],
      peakMegabytes: Math.max(...rounds.map((row) => row[name].peak_rss_mb)),
      perplexity: Math.exp(rounds[0][name].mean_loss),
    });
  }
}
const spread = Math.max(...noise) / Math.min(...noise) - 1;
const cells = (row) => row.map((entry) => ({ text: entry }));
console.log(
  textTable(
    [
      ['tokens', 'engine', 'tokens/s', 'ours / it', 'range', 'peak MB', 'perplexity'],
      ...results.map((result) => [
        String(result.length),
        result.engine,
        result.tokensPerSecond.toFixed(0),
        result.engine === 'longrope' ? '' : `${result.oursIsFasterBy.toFixed(2)}x`,
        result.engine === 'longrope' ? '' : result.ratioRange.map((ratio) => ratio.toFixed(2)).join(' to '),
        result.peakMegabytes.toFixed(0),
        result.perplexity.toFixed(4),
      ]),
    ].map(cells),
    { colour: false },
  ),
);
console.log(`machine noise: a fixed computation varied by ${(100 * spread).toFixed(0)} %`);
const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} cores`;
// Lengths may be measured in several sittings: those of an earlier one stay, with the noise of theirs.
const file = here('results.json');
const earlier = existsSync(file)
  ? JSON.parse(await readFile(file, 'utf8')).filter((row) => !lengths.includes(row.length))
  : [];
const measured = results.map((row) => ({ machine, noise: spread, ...row }));
const all = [...earlier, ...measured].sort((a, b) => a.length - b.length);
await writeFile(file, `${JSON.stringify(all, null, 2)}\n`);
