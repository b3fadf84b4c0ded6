import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { longrope } from '../helpers/cli.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

const TEXT = ['--text', path.join(SHARED, 'data/pg19/test/10146.txt'), '--samples', '1'];
const search = (out: string, ...words: string[]) => longrope(['search', TINY, ...TEXT, '--out', out, ...words]);

it('a curriculum is the shorter searches one by one, each the start of the next, at equal shares of the budget', async () => {
  const folder = await temporaryFolder();
  const file = (...names: string[]) => readFile(path.join(folder, ...names), 'utf8');
  const at = (name: string) => path.join(folder, name);
  const whole = await search(at('whole'), '--target', '330', '--curriculum', '270,300', '--budget', '92evals');
  expect(whole.code).toBe(0);
  expect(whole.stdout).toMatch(
    /Curriculum: it started from a search at 300 tokens, which spent 30 documents, 8,970 tokens/,
  );
  await search(at('first'), '--target', '270', '--budget', '30evals');
  await search(at('second'), '--target', '300', '--budget', '30evals', '--start', at('first/factors.json'));
  await search(at('third'), '--target', '330', '--budget', '32evals', '--start', at('second/factors.json'));
  for (const [shared, own] of [
    ['whole-270', 'first'],
    ['whole-300', 'second'],
    ['whole', 'third'],
  ] as const) {
    expect(await file(shared, 'factors.json')).toBe(await file(own, 'factors.json'));
    // Only at the end of a curriculum closed forms are scored for the report, after everything else.
    const { baselines: _, ...result } = JSON.parse(await file(own, 'result.json'));
    expect(JSON.parse(await file(shared, 'result.json'))).toMatchObject(result);
    const searched = async (name: string) => {
      const lines = (await file(name, 'journal.jsonl')).split('\n');
      return lines.slice(
        0,
        lines.findIndex((line) => /"phase":"baselines"|"type":"end"/.test(line)),
      );
    };
    expect(await searched(shared)).toEqual(await searched(own));
  }
});

it('targets that do not rise, and lengths that a shorter target would not have, are refused before any folder is made', async () => {
  const folder = await temporaryFolder();
  const refused = (...words: string[]) => search(path.join(folder, 'run'), '--target', '512', ...words);
  const { code, stderr } = await refused('--curriculum', '400,300');
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /--curriculum: expected lengths that rise from above 256.* to below the target, 512, found 400,300/,
  );
  expect((await refused('--held-out-samples', '3')).stderr).toMatch(/^error: --held-out-samples: expected --held-out/);
  expect((await refused('--curriculum', '256')).stderr).toMatch(/found 256/);
  expect((await refused('--curriculum', '512')).stderr).toMatch(/found 512/);
  expect((await refused('--curriculum', '300', '--length', '512,256')).stderr).toMatch(/expected no --length/);
  expect(
    (
      await longrope([
        'search',
        TINY,
        '--objective-command',
        'x',
        '--target',
        '512',
        '--curriculum',
        '300',
        '--out',
        folder,
      ])
    ).stderr,
  ).toMatch(/--curriculum: expected a search on --text/);
  expect(await readdir(folder)).toEqual([]);
});

it('a share of the budget that is too small is told with its target', async () => {
  const out = path.join(await temporaryFolder(), 'run');
  const { code, stderr } = await search(out, '--target', '512', '--curriculum', '300', '--budget', '12evals');
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^error: the search at 300 tokens, with 6 of 12 documents: budget: expected at least \d+ documents/,
  );
});
