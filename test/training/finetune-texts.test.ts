import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openTokenizer } from '../../src/corpus/index.js';
import { loadModel } from '../../src/model/index.js';
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
