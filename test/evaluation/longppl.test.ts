import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTokenizer } from '../../src/corpus/index.js';
import {
  evaluationRecordSchema,
  keyTokens,
  longPerplexityResult,
  parseRopeMethod,
} from '../../src/evaluation/index.js';
import { loadModel } from '../../src/model/index.js';
import { openEngine } from '../../src/runtime/index.js';
import { evaluateLongPerplexity } from '../../src/workflow/evaluate-longppl.js';
import { rejection } from '../helpers/rejection.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

const RULE = { alpha: 2, beta: -2 };

describe('key tokens', () => {
  it('gain more than alpha from the long context and are likely in it', () => {
    const long = Float32Array.of(0.5, 0.5, 1.9, 2.1, 0.1);
    const short = Float32Array.of(2.6, 2.4, 4, 9, 0.1);
    expect(keyTokens(long, short, RULE)).toEqual([0, 2]);
  });

  it('alone make the figure; without any there is none', () => {
    const document = { id: 'a', tokens: 10, keyTokens: 2, sum: 30, keySum: 1 };
    const where = { method: 'none', length: 11, judge: 'itself' };
    const result = longPerplexityResult(where, [document, { ...document, id: 'b', keyTokens: 0, keySum: 0 }]);
    expect(result.longPerplexity).toBeCloseTo(Math.exp(0.5), 12);
    expect(result.perplexity).toBeCloseTo(Math.exp(3), 12);
    expect(result.documents.map(({ keyLoss }) => keyLoss)).toEqual([0.5, null]);
    expect(longPerplexityResult(where, [{ ...document, keyTokens: 0, keySum: 0 }]).longPerplexity).toBeNull();
  });
});

const [LENGTH, SHORT] = [144, 32];

async function settings(folder: string) {
  const text = (await readFile(path.join(SHARED, 'data/pg19/test/10146.txt'), 'utf8')).slice(9000, 14_000);
  const file = path.join(folder, 'book.txt');
  await writeFile(file, text);
  return { texts: [file], textOptions: {}, lengths: [LENGTH], short: SHORT, bos: true, alpha: 0.5, beta: -3 };
}

describe('evaluate longppl', () => {
  it('is what whole logits of every context give', async () => {
    const folder = await temporaryFolder();
    const job = await settings(folder);
    const target = { model: TINY, methods: ['yarn@1'], command: 'test' };
    const record = await evaluateLongPerplexity(target, job);
    expect(evaluationRecordSchema.parse(record)).toEqual(record);

    const model = await loadModel(TINY);
    const tokenizer = await openTokenizer(TINY);
    const method = await parseRopeMethod('yarn@1', model.spec.rope);
    const engine = await openEngine(model, { maxLength: LENGTH });
    const ids = Int32Array.of(1, ...tokenizer.encode(await readFile(job.texts[0] as string, 'utf8'))).slice(0, LENGTH);
    const loss = async (context: Int32Array, next: number, length: number) => {
      const rows = Int32Array.of(context.length - 1);
      const logits = await engine.logits({ ids: context, rope: method.resolve(length), rows });
      const largest = Math.max(...logits);
      return largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0)) - (logits[next] as number);
    };
    let [keys, sum] = [0, 0];
    const step = SHORT / 4;
    for (let i = 1; i < LENGTH; i++) {
      // Short windows hold BOS and 31 tokens and move by 8; a token is scored by the first window that reaches it.
      const windowIndex = Math.max(0, Math.ceil((i - (SHORT - 1)) / step));
      const begin = 1 + windowIndex * step;
      const long = await loss(ids.subarray(0, i), ids[i] as number, LENGTH);
      const short = await loss(Int32Array.of(1, ...ids.subarray(begin, i)), ids[i] as number, SHORT);
      // The first short window has the whole context.
      if (i >= SHORT && short - long > job.alpha && -long > job.beta) {
        keys++;
        sum += long;
      }
    }
    await engine.close();
    expect(keys).toBeGreaterThan(2);
    expect(record.results[0]).toMatchObject({ keyTokens: keys, tokens: LENGTH - 1 });
    const difference = Math.abs((record.results[0]?.longPerplexity as number) / Math.exp(sum / keys) - 1);
    console.log(`LongPPL against whole logits: relative difference ${difference.toExponential(1)}`);
    expect(difference).toBeLessThan(1e-5);
  }, 60_000);

  it('resumes to the same record, and refuses what it cannot judge', async () => {
    const folder = await temporaryFolder();
    const job = await settings(folder);
    const target = { model: TINY, methods: ['none', 'yarn@1'], command: 'test', out: path.join(folder, 'run') };
    const first = await evaluateLongPerplexity(target, job);
    expect(first.notes).toEqual([expect.stringContaining('none marked its own key tokens')]);
    expect(await evaluateLongPerplexity(target, job)).toEqual(first);
    expect(JSON.parse(await readFile(path.join(folder, 'run/result.json'), 'utf8'))).toEqual(first);
    const long = await rejection(evaluateLongPerplexity(target, { ...job, short: LENGTH }));
    expect(long.message).toContain('more than the short context, 144');
    const smollm = path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');
    const other = await rejection(
      evaluateLongPerplexity({ ...target, out: path.join(folder, 'b') }, { ...job, judge: smollm }),
    );
    expect(other.message).toContain('the tokenizer of the model');
  });

  it('takes --tokenizer for model and judge alike', async () => {
    const folder = await temporaryFolder();
    const job = await settings(folder);
    const bare = path.join(folder, 'bare');
    await cp(TINY, bare, { recursive: true });
    await rm(path.join(bare, 'tokenizer.json'));
    const target = { methods: ['yarn@1'], command: 'test' };
    const judged = await evaluateLongPerplexity({ ...target, model: TINY }, { ...job, judge: TINY });
    // Neither has one of its own; a judge without any and no --tokenizer is refused.
    const given = await evaluateLongPerplexity({ ...target, model: bare, tokenizer: TINY }, { ...job, judge: bare });
    expect(given.results[0]).toEqual({ ...judged.results[0], judge: `${bare}, model` });
    const none = await rejection(evaluateLongPerplexity({ ...target, model: TINY }, { ...job, judge: bare }));
    expect(none.message).toMatch(/bare: expected a tokenizer\.json, found none/);
    // One that a judge brings has to be the one in use, whoever named that.
    const smollm = path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');
    const foreign = await rejection(
      evaluateLongPerplexity({ ...target, model: bare, tokenizer: TINY }, { ...job, judge: smollm }),
    );
    expect(foreign.message).toMatch(
      /--judge .*gguf: expected the tokenizer of the model \(.*tiny\), found another one/,
    );
    // 49,152 tokens do not fit into an embedding of 4,096.
    const large = await rejection(evaluateLongPerplexity({ ...target, model: TINY, tokenizer: smollm }, job));
    expect(large.message).toMatch(/--tokenizer .*gguf: expected a tokenizer of at most 4096 tokens, .*found 49152/);
  });
});
