// The base models of bench/search, and the books that it searches and judges on. What is not in the repository is made below `work`.
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { runnerImport } from 'vite';
import { openTokenizer, readTexts } from '../../dist/index.js';
import { replaceFolder } from '../../dist/run/index.js';
import { openTok512 } from './tok512.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const shared = path.resolve(root, '../shared');
const inFolder = async (folder) => ({ folder, tokenizer: await openTokenizer(folder), originalLength: 256 });

/** Name -> { folder, tokenizer, originalLength }. */
export const MODELS = {
  /** Heads of 64, theta 10,000. */
  embedded: () => inFolder(path.join(root, 'models/tiny')),
  /** Of the same shape, trained by torch: the model that prototypes of the searches were measured on. */
  'tiny-pg19': () => inFolder(path.join(shared, 'models/tiny-pg19')),
  /** Heads of 32, theta 2,000: second/README.md. */
  async second(work) {
    const folder = await made(path.join(work, 'second'), async (folder) => {
      for (const name of ['config.json', 'model.safetensors'])
        await copyFile(path.join(import.meta.dirname, 'second', name), path.join(folder, name));
      for (const name of ['tokenizer.json', 'tokenizer_config.json'])
        await copyFile(path.join(root, 'models/tiny', name), path.join(folder, name));
    });
    return { folder, tokenizer: await openTokenizer(folder), originalLength: 128 };
  },
  /** Heads of 8: four factors, so that a grid can be searched exhaustively (grid.mjs). */
  async stories260K(work) {
    const { module } = await runnerImport(path.join(root, 'test/helpers/stories260k.ts'));
    const folder = await made(path.join(work, 'stories260K'), module.writeStories260k);
    const tokenizer = await openTok512(path.join(shared, 'models/stories260K/tok512.bin'));
    return { folder, tokenizer, originalLength: 512 };
  },
};

/** By rename and not written anew: another search may have the files mapped. */
async function made(folder, write) {
  await replaceFolder(folder, { force: true, outdated: () => false, last: 'model.safetensors' }, write);
  return folder;
}

/** Long enough for `length` tokens: five validation books to search on, seven test books, and the validation books that are left. */
export async function books(tokenizer, length) {
  const read = (split) =>
    readTexts([path.join(shared, 'data/pg19', split)], tokenizer, {
      skipCharacters: 9000,
      minTokens: length - 1,
    });
  const validation = await read('validation');
  return { search: validation.slice(0, 5), test: await read('test'), others: validation.slice(5) };
}
