import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { startLongrope } from '../helpers/cli.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';
import { waitFor } from '../helpers/wait-for.js';

it('Ctrl-C ends a search with its own exit code, not with a crash of a worker in the middle of an evaluation', async () => {
  const out = path.join(await temporaryFolder(), 'run');
  const book = path.join(SHARED, 'data/pg19/test/10146.txt');
  const words = ['search', TINY, '--text', book, '--target', '2048', '--budget', '900evals', '--out', out];
  const search = startLongrope(words);
  const ended = once(search, 'exit');
  await waitFor(async () => (await readdir(out)).includes('journal.jsonl'));
  search.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect((await readdir(out)).filter((name) => name.startsWith('lock'))).toEqual([]);
});

it('Ctrl-C in tokenize leaves nothing behind', async () => {
  const folder = await temporaryFolder();
  const books = path.join(SHARED, 'data/pg19/train');
  const tokenize = startLongrope(['tokenize', books, '--tokenizer', TINY, '--out', path.join(folder, 'tokens')]);
  const ended = once(tokenize, 'exit');
  await waitFor(async () => (await readdir(folder)).some((name) => name.endsWith('.tmp')));
  tokenize.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(await readdir(folder)).toEqual([]);
});
