import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { FINETUNE_DEFAULTS } from '../../src/training/defaults.js';
import { finetune } from '../../src/workflow/finetune.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

it('a head that was trained apart from the embedding is tied by no config that is written', async () => {
  const folder = await temporaryFolder();
  const [model, text, out] = ['model', 'book.txt', 'run'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const config = await writeTinyCheckpoint(model, { config: { vocab_size: 4096 } });
  await writeFile(path.join(model, 'config.json'), JSON.stringify({ ...config, tie_word_embeddings: true }));
  await writeFile(text, 'It is a truth that a long sentence, repeated often enough, becomes a book. '.repeat(20));
  await finetune({
    ...FINETUNE_DEFAULTS,
    ...{ model, tokenizer: TINY, texts: [text], heldOut: [], rope: 'yarn:2', maxSteps: 1, maxSeqLength: 64 },
    ...{ out, threads: 1, command: 'test' },
  });
  const written = await Promise.all(
    ['checkpoint-1', 'model'].map((name) => readFile(path.join(out, name, 'config.json'), 'utf8')),
  );
  expect(written.map((json) => JSON.parse(json).tie_word_embeddings)).toEqual([false, false]);
});
