import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { longrope, startLongrope } from '../helpers/cli.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

/** Kills per run; LONGROPE_KILLS=20 for the long form. */
const KILLS = Number(process.env['LONGROPE_KILLS'] ?? 4);

/** From the start of the process: loading takes about a second, the whole run some seconds more. */
const LONGEST_LIFE = 4000;

const RESULTS = [
  'journal.jsonl',
  'factors.csv',
  'result.json',
  'factors.json',
  'config.json',
  'report.json',
  'report.html',
];

it('a search killed at random moments and resumed ends with the bytes of an undisturbed one', {
  timeout: 600_000,
}, async () => {
  const folder = await temporaryFolder();
  const out = path.join(folder, 'run');
  // The same words each time: the report names its command.
  const words = [
    ...[
      'search',
      TINY,
      '--text',
      path.join(SHARED, 'data/pg19/test/10146.txt'),
      '--text',
      path.join(SHARED, 'data/pg19/test/10321.txt'),
    ],
    ...['--held-out', path.join(SHARED, 'data/pg19/test/10356.txt'), '--skip-characters', '9000'],
    ...['--target', '512', '--budget', '70evals', '--seed', '3', '--workers', '2', '--out', out],
  ];
  const first = await longrope(words);
  expect(first.stderr).toBe('');
  const undisturbed = await contents(out);
  await rm(out, { recursive: true });
  // A kill while the program loads proves nothing: at least one has to come in the middle.
  let interrupted = 0;
  for (let kill = 0; kill < KILLS || (interrupted === 0 && kill < 20 * KILLS); kill++) {
    const process = startLongrope(words);
    const ended = once(process, 'exit');
    // On a busy machine loading alone may take as long: later ones live longer.
    await Promise.race([sleep(Math.random() * LONGEST_LIFE * (1 + kill / KILLS)), ended]);
    process.kill('SIGKILL');
    await ended;
    const names: readonly string[] = await readdir(out).catch(() => []);
    if (names.includes('journal.jsonl') && !names.includes('result.json')) interrupted++;
  }
  expect(interrupted).toBeGreaterThan(0);
  const last = await longrope(words);
  expect(last.stderr).toBe('');
  expect(last.code).toBe(0);
  const resumed = await contents(out);
  for (const name of RESULTS) expect(resumed.get(name)?.equals(undisturbed.get(name) as Buffer), name).toBe(true);
  expect(last.stdout).toBe(first.stdout);
  // A finished run is shown from what its folder holds: nothing is scored, which the journal of the comparison would show.
  const compared = () => readFile(path.join(out, 'held-out/journal.jsonl'), 'utf8');
  const before = await compared();
  expect((await longrope(words)).stdout).toBe(first.stdout);
  expect(await compared()).toBe(before);
});

async function contents(out: string): Promise<Map<string, Buffer>> {
  return new Map(await Promise.all(RESULTS.map(async (name) => [name, await readFile(path.join(out, name))] as const)));
}
