import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { writeDataset } from '../../src/corpus/arrow/write.js';
import { openTokenizer } from '../../src/corpus/index.js';
import { loadModel } from '../../src/model/index.js';
import { FINETUNE_DEFAULTS, packRows } from '../../src/training/index.js';
import { finetune } from '../../src/workflow/finetune.js';
import { finetuneTexts } from '../../src/workflow/finetune-texts.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

it('held-out texts may have their text in another column, by default in the same', async () => {
  const folder = await temporaryFolder();
  const write = async (name: string, row: Readonly<Record<string, string>>) => {
    const file = path.join(folder, name);
    await writeFile(file, JSON.stringify(row));
    return file;
  };
  const text = 'Call me Ishmael. Some years ago I went to sea.';
  const texts = [await write('a.jsonl', { content: text, body: 'no' })];
  const heldOut = [await write('b.jsonl', { content: 'no', body: text })];
  const [model, tokenizer] = [await loadModel(TINY), await openTokenizer(TINY)];
  const read = async (fields: { readonly heldOutTextField?: string }) => {
    const job = { texts, heldOut, textField: 'content', ...fields };
    const documents = await finetuneTexts(job, { evalLengths: [2] }, model, tokenizer);
    return [documents.documents, documents.heldOut].map(([first]) => tokenizer.decode(first!.ids));
  };
  expect(await read({ heldOutTextField: 'body' })).toEqual([text, text]);
  expect(await read({})).toEqual([text, 'no']);
});

it('the BOS that held-out texts are read with is part of what a run is', async () => {
  const out = path.join(await temporaryFolder(), 'run');
  const text = path.join(path.dirname(out), 'book.txt');
  await writeFile(text, 'Call me Ishmael. Some years ago I went to sea. '.repeat(20));
  const run = async (heldOut: readonly string[], to: string, model: string = TINY) => {
    await finetune({
      ...FINETUNE_DEFAULTS,
      ...{ model, texts: [text], heldOut, rope: 'yarn:2', maxSteps: 1, maxSeqLength: 64 },
      ...(heldOut.length > 0 && { evalLengths: [16] }),
      ...{ out: to, threads: 1, command: 'test' },
    });
    return JSON.parse(await readFile(path.join(to, 'manifest.json'), 'utf8')) as object;
  };
  // The BOS that the tokenizer adds is there already: runs of earlier versions go on.
  const { bosTokenId: bos } = await openTokenizer(TINY);
  const added = await run([text], out);
  expect(added).toMatchObject({ bos });
  expect(added).not.toHaveProperty('heldOutBos');
  const silent = path.join(path.dirname(out), 'silent');
  await cp(TINY, silent, { recursive: true });
  const config = JSON.parse(await readFile(path.join(silent, 'tokenizer_config.json'), 'utf8')) as object;
  await writeFile(path.join(silent, 'tokenizer_config.json'), JSON.stringify({ ...config, add_bos_token: false }));
  expect(await run([text], `${out}-2`, silent)).toMatchObject({ bos: null, heldOutBos: bos });
  expect(await run([], `${out}-3`, silent)).not.toHaveProperty('heldOutBos');
});

it('a BOS or EOS of the model itself that it has no embedding for is refused', async () => {
  const [model, own] = [await loadModel(TINY), await openTokenizer(TINY)];
  const text = path.join(await temporaryFolder(), 'book.txt');
  await writeFile(text, 'Call me Ishmael.');
  const job = { texts: [text], heldOut: [], textField: 'text' };
  const read = finetuneTexts(job, { evalLengths: [2] }, model, { ...own, eosTokenId: 4096 });
  await expect(read).rejects.toThrow('BOS and EOS of the tokenizer: expected token ids below 4096, found 4096');
});

it.each([true, false])('rows made by Python have one BOS in front; the tokenizer adds one: %s', async (addsBos) => {
  const set = path.join(await temporaryFolder(), 'set');
  const [model, own] = [await loadModel(TINY), await openTokenizer(TINY)];
  const [bos, eos] = [own.bosTokenId as number, own.eosTokenId as number];
  const ids = [bos, ...own.encode('Call me Ishmael.'), eos];
  await writeDataset(set, documents(ids), { tokenizerHash: own.hash });
  // As Python leaves it.
  await rm(path.join(set, 'longrope.json'));
  const job = { model: TINY, texts: [set], heldOut: [set], textField: 'text' };
  const texts = await finetuneTexts(job, { evalLengths: [2] }, model, { ...own, addsBos });
  const [row] = packRows(texts.documents, { rowTokens: 64, bos: texts.bos, eos: texts.eos });
  expect([...row![0]!.ids]).toEqual(ids);
  // An evaluation puts its own in front.
  expect([...texts.heldOut[0]!.ids]).toEqual(ids.slice(1));
});

async function* documents(ids: readonly number[]) {
  yield { id: 'row', ids: Int32Array.from(ids) };
}
