import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillerHaystack, openTokenizer, passkeyTask, type Tokenizer } from '../src/corpus/index.js';
import { parseRopeMethod, type RopeMethod, ropeStages } from '../src/evaluation/index.js';
import { loadModel } from '../src/model/index.js';
import { type Engine, openEngine } from '../src/runtime/index.js';
import { TINY } from './models.js';
import { PythonReference } from './python.js';

interface Trial {
  readonly key: string;
  readonly ids: readonly number[];
  readonly new: readonly number[];
}

const SEED = 42;
const LENGTHS = [512, 1024];
/** `released` asks for more tokens than the length where its text is longer than supposed. */
const LONGEST = 2 * Math.max(...LENGTHS);
const CASES = [{ model: TINY, trials: 10 }];

describe.each(CASES)('passkey of $model.name against its Python restatement', ({ model: parityModel, trials }) => {
  let reference: PythonReference;
  let tokenizer: Tokenizer;
  let method: RopeMethod;
  let engine: Engine;

  beforeAll(async () => {
    reference = new PythonReference('reference_passkey.py', parityModel.path);
    tokenizer = await openTokenizer(parityModel.path);
    const model = await loadModel(parityModel.path);
    method = await parseRopeMethod('model', model.spec.rope);
    engine = await openEngine(model, { workers: 1, maxLength: LONGEST, cacheTokens: trials * LONGEST });
  });
  afterAll(async () => {
    reference?.close();
    await engine?.close();
  });

  it.each(['paper', 'released'] as const)('%s', async (protocol) => {
    for (const length of LENGTHS) {
      const theirs = await reference.ask<Trial[]>({ protocol, length, seed: SEED, trials });
      const haystack = fillerHaystack(tokenizer);
      const rows = theirs.map((_, trial) =>
        passkeyTask(protocol).row({ tokenizer, length, trial, seed: SEED, haystack }),
      );
      expect(rows).toHaveLength(trials);
      expect(rows.map((row) => row.expected)).toEqual(theirs.map(({ key }) => [key]));
      expect(rows.map((row) => [...row.promptIds])).toEqual(theirs.map(({ ids }) => ids));
      const answers: number[][] = [];
      for (const { promptIds, answerTokens } of rows) {
        const [answer] = await engine.generate({
          prompts: [promptIds],
          stages: ropeStages(method, promptIds.length, answerTokens, 'once'),
          maxNewTokens: answerTokens,
          stopIds: [],
        });
        answers.push([...(answer as Int32Array)]);
      }
      expect(answers).toEqual(theirs.map((trial) => trial.new));
      const right = answers.filter((ids, i) => tokenizer.decode(ids).includes(theirs[i]?.key as string)).length;
      console.log(
        `${parityModel.name}, passkey, ${protocol}, ${length} tokens: ${trials} prompts and answers identical, ${right} with the key`,
      );
    }
  });
});
