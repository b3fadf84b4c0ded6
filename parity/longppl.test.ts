import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../src/corpus/index.js';
import { evaluateLongPerplexity } from '../src/workflow/index.js';
import { check } from './check.js';
import { BOOKS, Exchange, SHARED, TINY } from './models.js';
import { PythonReference } from './python.js';

interface Answer {
  readonly longppl: number;
  readonly perplexity: number;
  readonly key_tokens: number;
  readonly tokens: number;
  readonly margin: number;
}

const TOLERANCE = 1e-5;
const [LENGTH, SHORT] = [768, 128];

const YARN = { rope_type: 'yarn', factor: 8, original_max_position_embeddings: 256 };
const LINEAR = { rope_type: 'linear', factor: 2 };
// Short factors for the short context, long ones for the long context.
const SWITCHING = {
  rope_type: 'longrope',
  original_max_position_embeddings: 256,
  // Stated, as the formula would take max_position_embeddings of the model here and of the request there.
  attention_factor: 1.05,
  short_factor: Array.from({ length: 32 }, () => 1),
  long_factor: Array.from({ length: 32 }, (_, pair) => 1 + pair / 16),
};

describe('LongPPL of the embedded model against transformers', () => {
  let exchange: Exchange;
  let reference: PythonReference;
  let texts: string[];
  let ids: string[];

  beforeAll(async () => {
    exchange = await Exchange.open();
    reference = new PythonReference('reference_longppl.py', TINY.path);
    const tokenizer = await openTokenizer(TINY.path);
    texts = [];
    ids = [];
    for (const book of BOOKS.slice(0, 3)) {
      const text = (await readFile(path.join(SHARED, `data/pg19/test/${book}.txt`), 'utf8')).slice(9000, 14_000);
      const file = path.join(exchange.folder, `${book}.txt`);
      await writeFile(file, text);
      texts.push(file);
      ids.push(await exchange.writeIds(`${book}.ids`, Int32Array.from(tokenizer.encode(text))));
    }
  });
  afterAll(async () => {
    reference?.close();
    await exchange?.remove();
  });

  it.each([
    { name: 'yarn judges itself', judge: YARN, method: YARN, bos: true, alpha: 1 },
    { name: 'yarn judges linear, the thresholds of the paper', judge: YARN, method: LINEAR, bos: true, alpha: 2 },
    { name: 'yarn judges linear, no BOS', judge: YARN, method: LINEAR, bos: false, alpha: 1 },
    { name: 'longrope with a switch judges yarn', judge: SWITCHING, method: YARN, bos: true, alpha: 1 },
  ])('$name', async ({ name, judge, method, bos, alpha }) => {
    const config = (parameters: object) => ({
      config: { max_position_embeddings: 2048, rope_parameters: parameters },
    });
    const theirs = await reference.ask<Answer>({
      documents: ids,
      bos: bos ? TINY.bos : null,
      length: LENGTH,
      short: SHORT,
      stride: SHORT / 4,
      alpha,
      beta: -2,
      judge: config(judge),
      method: config(method),
    });
    const record = await evaluateLongPerplexity(
      { model: TINY.path, methods: [JSON.stringify(method)], command: 'parity' },
      {
        texts,
        textOptions: {},
        lengths: [LENGTH],
        short: SHORT,
        alpha,
        beta: -2,
        bos,
        judgeMethod: JSON.stringify(judge),
      },
    );
    const [ours] = record.results;
    if (ours === undefined) throw new Error('no result');
    console.log(
      `LongPPL, ${name}: ${ours.keyTokens} of ${ours.tokens} tokens, nearest threshold ${theirs.margin.toExponential(1)}`,
    );
    expect(ours.keyTokens).toBeGreaterThan(5);
    expect([ours.keyTokens, ours.tokens]).toEqual([theirs.key_tokens, theirs.tokens]);
    check(`LongPPL, ${name}, relative`, Math.abs((ours.longPerplexity ?? Number.NaN) / theirs.longppl - 1), TOLERANCE);
    check(
      `perplexity, ${name}, relative`,
      Math.abs((ours.perplexity ?? Number.NaN) / theirs.perplexity - 1),
      TOLERANCE,
    );
  });
});
