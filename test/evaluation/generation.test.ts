import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillerHaystack, openTokenizer, passkeyTask, type Tokenizer } from '../../src/corpus/index.js';
import { answerRows, parseRopeMethod, type RopeMethod, ropeStages } from '../../src/evaluation/index.js';
import type { Model } from '../../src/model/index.js';
import { type Engine, openEngine } from '../../src/runtime/index.js';
import { loadTiny, TINY } from '../helpers/tiny-model.js';

const ORIGINAL = 256;

let model: Model;
let engine: Engine;
let tokenizer: Tokenizer;
let methods: Record<'fixed' | 'longrope' | 'dynamic', RopeMethod>;
beforeAll(async () => {
  model = await loadTiny();
  tokenizer = await openTokenizer(TINY);
  engine = await openEngine(model, { maxLength: 280, cacheTokens: 3 * 280, workers: 1 });
  const pairs = model.spec.rope.geometry.rotaryDim / 2;
  const longrope = {
    rope_type: 'longrope',
    short_factor: Array(pairs).fill(1),
    long_factor: Array.from({ length: pairs }, (_, i) => 1 + (7 * i) / (pairs - 1)),
    original_max_position_embeddings: ORIGINAL,
    attention_factor: 1.1,
  };
  methods = {
    fixed: await parseRopeMethod('yarn:4', model.spec.rope),
    longrope: await parseRopeMethod(JSON.stringify(longrope), model.spec.rope),
    dynamic: await parseRopeMethod('dynamic', model.spec.rope),
  };
});
afterAll(() => engine.close());

describe('tables of a generation', () => {
  it('once: one, for prompt and answer together', () => {
    for (const method of Object.values(methods)) {
      const stages = ropeStages(method, 250, 12, 'once');
      expect(stages).toEqual([{ maxLength: 262, rope: method.resolve(262) }]);
    }
  });

  it('re-prefill, longrope: short factors up to the original length, long ones from the next token on', () => {
    const stages = ropeStages(methods.longrope, 250, 12, 're-prefill');
    expect(stages.map(({ maxLength }) => maxLength)).toEqual([ORIGINAL, 261]);
    expect(stages[0]?.rope).toEqual(methods.longrope.resolve(ORIGINAL));
    expect(stages[1]?.rope).toEqual(methods.longrope.resolve(ORIGINAL + 1));
    expect(stages[0]?.rope).not.toEqual(stages[1]?.rope);
    // Exactly full, and one more.
    expect(ropeStages(methods.longrope, 250, 7, 're-prefill')).toHaveLength(1);
    expect(ropeStages(methods.longrope, 250, 8, 're-prefill')).toHaveLength(2);
  });

  it('re-prefill, dynamic: a new one for every token beyond the original length', () => {
    const stages = ropeStages(methods.dynamic, 250, 12, 're-prefill');
    expect(stages.map(({ maxLength }) => maxLength)).toEqual([256, 257, 258, 259, 260, 261]);
    for (const { maxLength, rope } of stages) expect(rope).toEqual(methods.dynamic.resolve(maxLength));
  });

  it('re-prefill, a table for all lengths: one', () => {
    expect(ropeStages(methods.fixed, 250, 12, 're-prefill')).toHaveLength(1);
  });
});

describe.each(['once', 're-prefill'] as const)('answers, %s', (policy) => {
  const length = 262;
  const rows = () =>
    [0, 1].map((trial) =>
      passkeyTask('paper').row({ tokenizer, length, trial, seed: 3, haystack: fillerHaystack(tokenizer) }),
    );

  /** Everything anew for every token, without a cache: what the policies are defined by. */
  async function slowly(method: RopeMethod): Promise<string[]> {
    const answers: string[] = [];
    for (const { promptIds, answerTokens } of rows()) {
      let ids = promptIds;
      for (let i = 0; i < answerTokens; i++) {
        const rope = method.resolve(policy === 'once' ? length : ids.length);
        const logits = await engine.logits({ ids, rope, rows: Int32Array.of(ids.length - 1) });
        const next = logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
        if (next === tokenizer.eosTokenId) break;
        ids = Int32Array.of(...ids, next);
      }
      answers.push(tokenizer.decode(ids.subarray(promptIds.length)));
    }
    return answers;
  }

  it.each(['longrope', 'dynamic', 'fixed'] as const)('%s: as computed anew for every token', async (name) => {
    const method = methods[name];
    const answers = await answerRows(rows(), { engine, tokenizer, method, policy });
    expect(answers).toEqual(await slowly(method));
    expect(answers.join('')).toMatch(/\S/);
  });
});

it('the policies differ where the tables do', async () => {
  const prompt = passkeyTask('paper').row({
    tokenizer,
    length: 262,
    trial: 0,
    seed: 3,
    haystack: fillerHaystack(tokenizer),
  }).promptIds;
  const rows = Int32Array.of(prompt.length - 1);
  const [once, first] = await Promise.all(
    [262, prompt.length].map((tokens) => engine.logits({ ids: prompt, rope: methods.longrope.resolve(tokens), rows })),
  );
  expect(once).not.toEqual(first);
});
