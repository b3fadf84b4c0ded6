import { fork } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'vite';

// Reads damaged files of every kind in a process of its own, which may crash, hang or run out of memory.
const HELP = `usage: npm run fuzz -- [--kind safetensors,gguf,arrow,tokenizer,config,factor-csv,factor-json]
         [--count 100000] [--seed 1] [--from 0] [--out fuzz-failures]

Inputs follow from kind, seed and number alone. --from N (a multiple of 500) goes on at input N. Every new failure is saved
in --out: the smallest input found, and beside it what went wrong. The exit code is 1 when there was one.`;

const BLOCK = 500;
/** A block takes below a second; its bounds per input are in test/fuzz/judge.ts. */
const HANG_MILLISECONDS = 120_000;
const HEAP_MEGABYTES = 512;
const root = path.dirname(import.meta.dirname);

const { values: flags } = parseArgs({
  options: {
    kind: { type: 'string', default: 'safetensors,gguf,arrow,tokenizer,config,factor-csv,factor-json' },
    count: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    out: { type: 'string', default: 'fuzz-failures' },
    help: { type: 'boolean', default: false },
  },
});
const [count, seed, from] = [flags.count, flags.seed, flags.from].map(Number);
if (flags.help || ![count, seed, from].every(Number.isSafeInteger) || from % BLOCK !== 0) {
  console.log(HELP);
  process.exit(flags.help ? 0 : 2);
}

const work = await mkdtemp(path.join(tmpdir(), 'longrope-fuzz-'));
let failures = 0;
try {
  const entry = await bundle();
  console.log(`seed ${seed}, inputs ${from} to ${from + count - 1} of each kind`);
  for (const kind of flags.kind.split(',')) await fuzz(kind, entry);
} finally {
  await rm(work, { recursive: true, force: true });
}
process.exitCode = failures > 0 ? 1 : 0;

async function bundle() {
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    // The readers alone: the program's packages stay where they are.
    build: {
      ssr: path.join(root, 'test/fuzz/fuzz-process.ts'),
      outDir: path.join(root, 'node_modules/.cache/longrope-fuzz'),
      emptyOutDir: true,
      sourcemap: 'inline',
      minify: false,
      rollupOptions: { output: { entryFileNames: 'entry.mjs' } },
    },
  });
  return path.join(root, 'node_modules/.cache/longrope-fuzz/entry.mjs');
}

/** All blocks of one kind; the process is started anew behind an input that ended it. */
async function fuzz(kind, entry) {
  const total = {
    accepted: 0,
    refused: 0,
    failed: 0,
    refusals: {},
    peakKilobytes: 0,
    signatures: new Map(),
    started: Date.now(),
  };
  const last = Math.ceil((from + count) / BLOCK);
  let position = { block: from / BLOCK, skip: 0 };
  while (position.block < last) position = await run(kind, entry, position, last, total);
  const seconds = ((Date.now() - total.started) / 1000).toFixed(0);
  const byKind = Object.entries(total.refusals)
    .map(([name, times]) => `${name} ${times}`)
    .join(', ');
  const read = total.accepted + total.refused + total.failed;
  console.log(
    `${kind}: ${read} inputs in ${seconds} s, peak ${Math.round(total.peakKilobytes / 1024)} MB, ${total.accepted} accepted, ${total.refused} refused (${byKind}), ${total.failed} failed in ${total.signatures.size} ways`,
  );
}

async function run(kind, entry, { block, skip, suspect }, last, total) {
  const folder = await mkdtemp(path.join(work, `${kind}-`));
  const positionFile = path.join(folder, '..', `${kind}-position`);
  await rm(positionFile, { force: true });
  const child = fork(entry, {
    cwd: root,
    execArgv: [`--max-old-space-size=${HEAP_MEGABYTES}`, '--enable-source-maps'],
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr = (stderr + data).slice(-4000);
  });
  let next = block;
  let hung = false;
  let timer;
  const watch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, HANG_MILLISECONDS);
  };
  const saves = [];
  child.on('message', (result) => {
    watch();
    next = result.block + 1;
    for (const name of ['accepted', 'refused', 'failed']) total[name] += result[name];
    for (const [name, times] of Object.entries(result.refusals))
      total.refusals[name] = (total.refusals[name] ?? 0) + times;
    total.peakKilobytes = Math.max(total.peakKilobytes, result.peakKilobytes);
    for (const failure of result.failures) saves.push(save(kind, result.block, failure, total));
    progress(kind, next, last, total);
  });
  watch();
  child.send({ kind, folder, positionFile, seed, blockSize: BLOCK, from: block, to: last, skip });
  const [code, signal] = await new Promise((resolve) => child.once('close', (...end) => resolve(end)));
  clearTimeout(timer);
  await Promise.all(saves);
  if (next >= last) return { block: last, skip: 0 };

  const file = await newest(folder);
  const at = Number(await readFile(positionFile, 'utf8').catch(() => 'NaN'));
  // A machine that is busy elsewhere looks like a hang: it is one when the same input hangs again, with its block read anew.
  if (hung && (Number.isNaN(at) ? suspect !== 'start' : suspect !== at))
    return { block: next, skip: next === block ? skip : 0, suspect: Number.isNaN(at) ? 'start' : at };
  if (file === undefined || Number.isNaN(at))
    throw new Error(`${kind}: the process ended before its first input\n${stderr}`);
  const signature = hung ? 'a hang' : `the process ended (${signal ?? code})`;
  total.failed++;
  await save(kind, next, { signature, detail: stderr, file, input: (await readFile(file)).toString('base64') }, total);
  return { block: next, skip: at + 1 };
}

async function save(kind, block, { signature, detail, file, input }, total) {
  failures++;
  const number = (total.signatures.get(signature) ?? 0) + 1;
  total.signatures.set(signature, number);
  if (number > 3) return;
  await mkdir(flags.out, { recursive: true });
  const name = `${kind}-${seed}-${block * BLOCK}-${failures}-${path.basename(file)}`;
  await writeFile(path.join(flags.out, name), Buffer.from(input, 'base64'));
  await writeFile(path.join(flags.out, `${name}.txt`), `${signature}\n${detail}\n`);
  console.log(`${kind}: ${signature}: ${path.join(flags.out, name)}`);
}

function progress(kind, block, last, { accepted, refused, failed, started }) {
  const share = (block * BLOCK - from) / (last * BLOCK - from);
  const left = ((Date.now() - started) / share) * (1 - share);
  const line = `${kind}: input ${block * BLOCK} of ${last * BLOCK}, ${accepted} accepted, ${refused} refused, ${failed} failed, ${Math.round(left / 1000)} s left`;
  if (process.stderr.isTTY) process.stderr.write(`\r${line}\x1b[K${block === last ? '\n' : ''}`);
  else if (block % 20 === 0) process.stderr.write(`${line}\n`);
}

async function newest(folder) {
  const files = [];
  for (const name of await readdir(folder, { recursive: true })) {
    const info = await stat(path.join(folder, name));
    if (info.isFile()) files.push({ file: path.join(folder, name), time: info.mtimeMs });
  }
  return files.sort((a, b) => b.time - a.time)[0]?.file;
}
