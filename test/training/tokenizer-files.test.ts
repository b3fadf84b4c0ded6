import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openTokenizer } from '../../src/corpus/index.js';
import { FINETUNE_DEFAULTS } from '../../src/training/defaults.js';
import { exportGguf } from '../../src/workflow/export-gguf.js';
import { exportTraining } from '../../src/workflow/export-training.js';
import { finetune } from '../../src/workflow/finetune.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

const TEXT = 'It is a truth that a long sentence, repeated often enough, becomes a long book. '.repeat(40);
const OTHERS = { 'tokenizer.json': '{}', 'special_tokens_map.json': '{}', LICENSE: 'of the model' };

/** A model with the embedding of the embedded one, and a tokenizer that is no tokenizer. */
async function workplace() {
  const folder = await temporaryFolder();
  const [model, text] = [path.join(folder, 'source'), path.join(folder, 'book.txt')];
  await writeTinyCheckpoint(model, { config: { vocab_size: 4096 } });
  for (const [name, contents] of Object.entries(OTHERS)) await writeFile(path.join(model, name), contents);
  await writeFile(text, TEXT);
  return { folder, model, text };
}

const kept = async (folder: string) =>
  (await readdir(folder)).filter((name) => !/^(config\.json|model\.safetensors)$/.test(name)).sort();

test.each([
  ['a folder', async () => TINY, ['LICENSE', 'tokenizer.json', 'tokenizer_config.json']],
  ['a file', async () => path.join(TINY, 'tokenizer.json'), ['LICENSE', 'tokenizer.json', 'tokenizer_config.json']],
  [
    'a GGUF file',
    async (folder: string) => {
      const out = path.join(folder, 'tiny.gguf');
      await exportGguf({ model: TINY, rope: 'yarn:2', out, type: null, tokenizer: true, force: false });
      return out;
    },
    ['LICENSE', 'special_tokens_map.json', 'tokenizer.json', 'tokenizer_config.json'],
  ],
] as const)('a hand-off has the tokenizer that its rows are made with, from %s', async (_, given, names) => {
  const { folder, model, text } = await workplace();
  const tokenizer = await given(folder);
  const handoff = { engine: 'llama-factory', rope: 'yarn:2', gpus: 1, weights: 'link' } as const;
  const { out } = await exportTraining({
    ...handoff,
    model,
    tokenizer,
    data: [text],
    out: path.join(folder, 'handoff'),
  });
  expect(await kept(path.join(out, 'model'))).toEqual(names);
  expect(await readFile(path.join(out, 'model/LICENSE'), 'utf8')).toBe(OTHERS.LICENSE);
  const [placed, asked] = [await openTokenizer(path.join(out, 'model')), await openTokenizer(tokenizer)];
  expect([placed.encode(TEXT), placed.bosTokenId, placed.eosTokenId]).toEqual([
    asked.encode(TEXT),
    asked.bosTokenId,
    asked.eosTokenId,
  ]);
});

test('a fine-tuned model has the tokenizer that it was trained with', async () => {
  const { folder, model, text } = await workplace();
  const out = path.join(folder, 'run');
  await finetune({
    ...FINETUNE_DEFAULTS,
    ...{ model, tokenizer: TINY, texts: [text], heldOut: [], rope: 'yarn:2', maxSteps: 1, maxSeqLength: 64 },
    ...{ out, threads: 1, command: 'test' },
  });
  expect(await kept(path.join(out, 'model'))).toEqual(['LICENSE', 'tokenizer.json', 'tokenizer_config.json']);
  expect(await readFile(path.join(out, 'model/tokenizer.json'))).toEqual(
    await readFile(path.join(TINY, 'tokenizer.json')),
  );
});
