import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RandomState } from '../../src/search/random.js';
import { bundle } from '../helpers/bundle.js';

let program: string;
beforeAll(async () => {
  program = await bundle(new URL('./resumable-run.ts', import.meta.url));
});

const random = new RandomState(2024);
const folders: string[] = [];
async function newFolder(): Promise<string> {
  folders.push(await mkdtemp(join(tmpdir(), 'longrope-resume-')));
  return folders.at(-1) as string;
}
afterAll(async () => {
  for (const folder of [dirname(program), ...folders]) await rm(folder, { recursive: true, force: true });
});

/** Runs the search in a child process; killed after `killAfter` milliseconds if it still runs. Resolves to its exit code. */
function run(
  directory: string,
  name: string,
  { killAfter = 0, workers = 1, budget = '250evals' } = {},
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, directory, name, budget, String(workers)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const timer = killAfter > 0 ? setTimeout(() => child.kill('SIGKILL'), killAfter) : undefined;
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

/** Everything in a finished run folder that may not depend on how it came about. */
async function contents(directory: string): Promise<Record<string, string>> {
  const names = (await readdir(directory)).filter((name) => name !== 'timings.jsonl').sort();
  expect(names).toEqual(['factors.csv', 'journal.jsonl', 'manifest.json', 'result.json']);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), 'utf8')])),
  );
}

describe.each([
  ['cma-es', 6],
  ['gradient', 3],
  ['gradient under a limit', 3],
  ['longrope', 3],
  ['longrope2', 3],
  ['dim-mono', 3],
  ['dim-piece-mono', 2],
  ['random', 2],
  ['second interpolation', 2],
  ['cma-es in races', 3],
  ['longrope in races', 3],
] as const)('%s', (name, kills) => {
  let undisturbed: Record<string, string>;
  let milliseconds: number;
  let finished: string;
  beforeAll(async () => {
    finished = await newFolder();
    const started = performance.now();
    expect(await run(finished, name)).toBe(0);
    milliseconds = performance.now() - started;
    undisturbed = await contents(finished);
  });

  test('the result does not depend on the number of workers', async () => {
    const directory = await newFolder();
    expect(await run(directory, name, { workers: 5 })).toBe(0);
    expect(await contents(directory)).toEqual(undisturbed);
  });

  test(`kill -9 at ${kills} random moments, resume: the same bytes`, {
    timeout: 300_000,
  }, async () => {
    let interrupted = 0;
    // On a machine that has meanwhile become faster, all kills can come too late.
    for (let round = 0; round < kills || interrupted === 0; round++) {
      const directory = await newFolder();
      // Every other time the resumed run is killed as well.
      for (let kill = 0; kill <= round % 2; kill++) {
        const code = await run(directory, name, {
          killAfter: 1 + random.uniform() * milliseconds,
          workers: 1 + (round % 3),
        });
        if (code === null) interrupted++;
      }
      expect(await run(directory, name)).toBe(0);
      expect(await contents(directory)).toEqual(undisturbed);
    }
  });

  test('a journal cut at random bytes is completed to the same bytes', { timeout: 300_000 }, async () => {
    const { size } = await stat(join(finished, 'journal.jsonl'));
    for (let round = 0; round < Math.min(kills, 5); round++) {
      const directory = await newFolder();
      await cp(finished, directory, { recursive: true });
      await truncate(join(directory, 'journal.jsonl'), random.integer(size));
      expect(await run(directory, name)).toBe(0);
      expect(await contents(directory)).toEqual(undisturbed);
    }
  });

  test('a finished run is not run again', async () => {
    const before = await readFile(join(finished, 'timings.jsonl'), 'utf8');
    expect(await run(finished, name)).toBe(0);
    expect(await readFile(join(finished, 'timings.jsonl'), 'utf8')).toBe(before);
    expect(await contents(finished)).toEqual(undisturbed);
  });
});

test('a budget in seconds: what the clock cut is journaled, and a resume gives the same', async () => {
  const directory = await newFolder();
  expect(await run(directory, 'cma-es', { budget: '0.4s' })).toBe(0);
  const first = await contents(directory);
  expect(JSON.parse(first['result.json'] as string)).toMatchObject({ stop: { budget: '0.4 seconds' } });
  await writeFile(join(directory, 'timings.jsonl'), '');
  expect(await run(directory, 'cma-es', { budget: '0.4s' })).toBe(0);
  expect(await contents(directory)).toEqual(first);
});
