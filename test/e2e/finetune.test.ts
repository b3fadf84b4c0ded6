import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadModel } from '../../src/model/index.js';
import type { Finetune } from '../../src/workflow/index.js';
import { longrope, PROJECT, startLongrope } from '../helpers/cli.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';
import { waitFor } from '../helpers/wait-for.js';

const BOOK = path.join(SHARED, 'data/pg19/test/10146.txt');

const checkpoints = async (out: string) => (await readdir(out)).filter((name) => name.startsWith('checkpoint-'));

/** Under a limit on the size of a file, which reaches the program as a full disk does: a write that fails. */
function withFileLimit(kilobytes: number, words: readonly string[]) {
  const script = `ulimit -f ${kilobytes}; exec "$0" "$@"`;
  return new Promise<{ readonly code: number; readonly stderr: string }>((resolve) => {
    const run = ['-c', script, process.execPath, path.join(PROJECT, 'bin/longrope.js'), ...words];
    execFile('bash', run, (error, _, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stderr }));
  });
}

it('a fine-tuning run that is interrupted, out of space and killed ends with the bytes of an undisturbed one', {
  timeout: 600_000,
}, async () => {
  const folder = await temporaryFolder();
  const out = path.join(folder, 'run');
  const words = [
    ...['finetune', TINY, BOOK, '--rope', 'yarn:2', '--max-seq-length', '64', '--max-steps', '12', '--save-steps', '2'],
    ...['--learning-rate', '1e-3', '--logging-steps', '1', '--optim', 'muon', '--threads', '1', '--json', '--out', out],
  ];
  const first = await longrope(words);
  expect(first.stderr).toBe('');
  const result = JSON.parse(first.stdout) as Finetune;
  expect(result.log.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  const read = async () =>
    Promise.all(
      ['model/model.safetensors', 'model/config.json', 'journal.jsonl', 'checkpoint-12/optimizer.safetensors'].map(
        (name) => readFile(path.join(out, name)),
      ),
    );
  const undisturbed = await read();
  await rm(out, { recursive: true });

  const interrupted = startLongrope(words);
  const ended = once(interrupted, 'exit');
  await waitFor(async () => (await checkpoints(out)).length > 0);
  interrupted.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  const saved = Math.max(...(await checkpoints(out)).map((name) => Number(name.replace('checkpoint-', ''))));

  // The weights have room, the larger state of the optimiser has not.
  const full = await withFileLimit(18_000, words);
  expect(full.stderr).toContain('found a file size limit');
  expect(full.code).toBe(5);
  expect(await checkpoints(out)).toEqual([`checkpoint-${saved}`]);
  expect((await readdir(out)).filter((name) => name.endsWith('.tmp'))).toEqual([]);

  const killed = startLongrope(words);
  const died = once(killed, 'exit');
  // Somewhere between two checkpoints, or while one is written.
  const later = async () => (await checkpoints(out)).some((name) => Number(name.replace('checkpoint-', '')) > saved);
  await Promise.race([waitFor(later), died]);
  killed.kill('SIGKILL');
  expect(await died).toEqual([null, 'SIGKILL']);

  const last = await longrope(words);
  expect(last.stderr).toBe('');
  expect(last.stdout).toBe(first.stdout);
  const resumed = await read();
  resumed.forEach((bytes, i) => {
    expect(bytes.equals(undisturbed[i]!), `${i}`).toBe(true);
  });

  const trained = await loadModel(path.join(out, 'model'));
  expect(trained.spec.rope.scaling.type).toBe('longrope');
  expect(trained.spec.rope.maxPositionEmbeddings).toBe(512);
});

it('what does not fit is refused, all at once and before a folder is made', { timeout: 180_000 }, async () => {
  const folder = await temporaryFolder();
  const factors = path.join(folder, 'factors.csv');
  await writeFile(factors, '1\n1\n2\n');
  const out = path.join(folder, 'run');
  const width = await longrope(['finetune', TINY, BOOK, '--rope', factors, '--target', '512', '--out', out]);
  expect(width.code).toBe(3);
  expect(width.stderr).toMatch(/expected 32 .*found 3/);
  const wrong = await longrope([
    ...['finetune', TINY, BOOK, '--rope', 'yarn:2', '--max-seq-length', '1k', '--warmup-steps', '3'],
    ...['--warmup-ratio', '0.1', '--lr-scheduler-type', 'constant', '--position-skipping', '2k', '--out', out],
  ]);
  expect(wrong.code).toBe(2);
  for (const what of ['--max-seq-length', '--position-skipping', '--warmup-ratio', '--lr-scheduler-type constant'])
    expect(wrong.stderr).toContain(`error: ${what}`);
  const uncounted = await longrope(['finetune', TINY, BOOK, '--rope', 'yarn:2', '--count-skipped', '--out', out]);
  expect(uncounted.code).toBe(2);
  expect(uncounted.stderr).toContain('error: --count-skipped: expected --position-skipping');
  const ignored = await longrope(['finetune', TINY, BOOK, '--rope', 'yarn:2', '--muon-momentum', '0.9', '--out', out]);
  expect(ignored.code).toBe(2);
  expect(ignored.stderr).toContain('error: --muon-momentum: expected --optim muon, found --optim adamw');
  const third = await longrope(['finetune', TINY, BOOK, '--rope', 'yarn:2', '--length-mix', '0:0.3:0.7', '--out', out]);
  expect(third.code).toBe(2);
  expect(third.stderr).toContain('Expected LENGTH:SHARE');
  // Its default follows from the row's length and is no mistake of its own.
  expect(wrong.stderr).not.toContain('--eval-length');
  expect(await readdir(folder)).toEqual(['factors.csv']);
});

it('skipped positions are refused where layers see only so many tokens back', async () => {
  const folder = await temporaryFolder();
  const model = path.join(folder, 'mistral');
  await cp(TINY, model, { recursive: true, filter: (name) => path.basename(name) !== 'training' });
  const config = JSON.parse(await readFile(path.join(TINY, 'config.json'), 'utf8'));
  const mistral = { ...config, model_type: 'mistral', architectures: ['MistralForCausalLM'], sliding_window: 200 };
  await writeFile(path.join(model, 'config.json'), JSON.stringify(mistral));
  const words = (window: string) => [
    ...['finetune', model, BOOK, '--rope', 'yarn:2', '--max-seq-length', '64', '--position-skipping', window],
    ...['--max-steps', '1', '--threads', '1', '--out', path.join(folder, window)],
  ];
  const beyond = await longrope(words('512'));
  expect(beyond.code).toBe(2);
  expect(beyond.stderr).toMatch(/error: --position-skipping: expected at most the 200 tokens .*found 512/);
  expect((await longrope(words('200'))).code).toBe(0);
  expect((await readdir(folder)).toSorted()).toEqual(['200', 'mistral']);
});
