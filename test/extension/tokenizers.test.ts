import { cp, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openTokenizer } from '../../src/corpus/index.js';
import { loadModel } from '../../src/model/index.js';
import { factorVector, formatFactorJson } from '../../src/rope/index.js';
import { exportGguf } from '../../src/workflow/export-gguf.js';
import { finetuneTexts } from '../../src/workflow/finetune-texts.js';
import { extend } from '../../src/workflow/index.js';
import { keyTokenJudge } from '../../src/workflow/key-token-judge.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

/** As gemma3: the embedded model, whose own tokenizer has a token more than it has embeddings. */
async function tokenTooMany(): Promise<{ model: string; text: string }> {
  const folder = await temporaryFolder();
  const [model, text] = [path.join(folder, 'model'), path.join(folder, 'book.txt')];
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'])
    await cp(path.join(TINY, name), path.join(model, name));
  const file = path.join(model, 'tokenizer.json');
  const json = JSON.parse(await readFile(file, 'utf8')) as { added_tokens: { id: number; content: string }[] };
  const [first] = json.added_tokens;
  json.added_tokens.push({ ...first!, id: 4096, content: '<image>' });
  await writeFile(file, JSON.stringify(json));
  await writeFile(text, 'The whale swam on through the night. '.repeat(200));
  return { model, text };
}

test("a model's own tokenizer with a token more than embeddings is evaluated with, and handed off", async () => {
  const { model, text } = await tokenTooMany();
  expect((await openTokenizer(model)).vocabularySize).toBe(4097);
  const recipe = path.join(path.dirname(model), 'r.yaml');
  await writeFile(
    recipe,
    `format: longrope-recipe/1
model: models/tiny
texts: { books: { paths: [books], samples: 1 }, rows: { paths: [rows] } }
stages:
  - { stage: evaluate, name: read, rope: [none], perplexity: { texts: books, lengths: [64] } }
  - { stage: finetune, name: tuned, factors: "yarn:2", texts: rows, where: elsewhere, gpus: 1, hyperparameters: { max_steps: 1, max_seq_length: 512 } }
`,
  );
  const run = () =>
    extend({
      ...{ recipe, model, factors: new Map(), checkpoints: new Map(), out: path.join(path.dirname(model), 'run') },
      texts: new Map(['books', 'rows'].map((name) => [name, [text]])),
      ...{ workers: 1, trainingThreads: 1, command: 'test' },
    });
  expect((await rejection(run())).kind).toBe('handoff');
  await writeFile(text, 'What it looked like: <image>');
  expect((await rejection(run())).problems[0]).toMatchObject({ expected: 'token ids below 4096', found: '4096' });
});

test('and trained with, as long as no text has that token', async () => {
  const { model, text } = await tokenTooMany();
  const [loaded, tokenizer] = [await loadModel(model), await openTokenizer(model)];
  const read = (given: { readonly tokenizer?: string }, encode = tokenizer.encode.bind(tokenizer)) =>
    finetuneTexts({ texts: [text], heldOut: [], textField: 'text', ...given }, { evalLengths: [2] }, loaded, {
      ...tokenizer,
      encode,
      hash: `${encode.name}`,
    });
  expect((await read({})).documents).toHaveLength(1);
  const beyond = () => Int32Array.of(5, 4096);
  expect((await rejection(read({}, beyond))).problems).toMatchObject([{ expected: 'token ids below 4096' }]);
  expect((await rejection(read({ tokenizer: model }))).problems).toMatchObject([{ where: model, found: '4097' }]);
});

/** The embedded model without its tokenizer. */
async function bare(): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'bare');
  for (const name of ['config.json', 'model.safetensors']) await cp(path.join(TINY, name), path.join(folder, name));
  return folder;
}

test('the tokenizer of a recipe is that of its exports, to folders and to GGUF files', async () => {
  const model = await bare();
  const folder = path.dirname(model);
  const factors = factorVector(Array.from({ length: 32 }, () => 2));
  const set = { factors, attentionFactor: 1, startTokens: 0, originalLength: 256, targetLength: 512 };
  await writeFile(path.join(folder, 'given.json'), formatFactorJson(set));
  const recipe = path.join(folder, 'r.yaml');
  await writeFile(
    recipe,
    `format: longrope-recipe/1
model: ${model}
tokenizer: ${TINY}
factors: { given: ${path.join(folder, 'given.json')} }
stages:
  - { stage: export, name: folder, factors: given }
  - { stage: export, name: file, factors: given, to: gguf }
`,
  );
  const out = path.join(folder, 'run');
  const job = { texts: new Map(), factors: new Map(), checkpoints: new Map(), trainingThreads: 1, command: 'test' };
  await extend({ recipe, out, ...job });
  const [own, ...made] = await Promise.all(
    [TINY, path.join(out, 'stages/folder/model'), path.join(out, 'stages/file/model.gguf')].map(openTokenizer),
  );
  const text = 'Call me Ishmael, 42 years ago.';
  const says = ({ encode, bosTokenId, eosTokenId, addsBos }: typeof own & object) =>
    [[...encode(text)], bosTokenId, eosTokenId, addsBos] as const;
  expect(made.map(says)).toEqual([says(own!), says(own!)]);
});

test('a GGUF file takes its tokenizer from another file, if that has a token for every row', async () => {
  const model = await bare();
  const [first, second, small] = ['first.gguf', 'second.gguf', 'small.gguf'].map((name) =>
    path.join(path.dirname(model), name),
  ) as [string, string, string];
  const job = { rope: 'yarn:2', type: null, force: false, tokenizer: true };
  await exportGguf({ ...job, model: TINY, out: first });
  await exportGguf({ ...job, model, tokenizerPath: first, out: second });
  expect((await openTokenizer(second)).hash).toBe((await openTokenizer(first)).hash);
  const other = path.join(path.dirname(model), 'other');
  await writeTinyCheckpoint(other);
  const { problems } = await rejection(exportGguf({ ...job, model: other, tokenizerPath: first, out: small }));
  expect(problems).toMatchObject([{ where: first, found: '4096' }]);
});

test('a judge of a recipe reads as its searches do, though nothing lies in its folder', async () => {
  const [judge, model, tokenizer] = [await bare(), await loadModel(TINY), await openTokenizer(TINY)];
  await keyTokenJudge(judge, model, { tokenizer, judgeReadsAlike: true });
  // As one of the command, for which --tokenizer is given.
  await keyTokenJudge(judge, model, { tokenizer, tokenizerPath: TINY });
  expect((await rejection(keyTokenJudge(judge, model, { tokenizer }))).problems).toMatchObject([{ found: 'none' }]);
});
