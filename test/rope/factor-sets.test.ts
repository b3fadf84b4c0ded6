import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parseRopeMethod, ropeStages } from '../../src/evaluation/index.js';
import { factorsAt, factorVector, formatFactorSets, isFactorSets, parseFactorSets } from '../../src/rope/index.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const SETS = {
  originalLength: 256,
  sets: [
    { maxLength: 256, factors: factorVector([1, 1.1]), attentionFactor: 1, startTokens: 0 },
    { maxLength: 512, factors: factorVector([1, 1.9]), attentionFactor: 1.02, startTokens: 4 },
    { maxLength: 2048, factors: factorVector([1, 6.3]), attentionFactor: null, startTokens: 0 },
  ],
};

describe('a set per length', () => {
  test('is read back bit for bit', () => {
    const text = formatFactorSets({ ...SETS, sets: [...SETS.sets].reverse() });
    expect(isFactorSets(text)).toBe(true);
    expect(parseFactorSets(text, 'sets.json', 2)).toEqual(SETS);
  });

  test.each([
    [2, 1.1],
    [256, 1.1],
    [257, 1.9],
    [512, 1.9],
    [513, 6.3],
    [2048, 6.3],
    [5000, 6.3],
  ])('at %i tokens: the first that reaches so far, or the last', (length, slowest) => {
    expect(factorsAt(SETS, length).factors[1]).toBe(slowest);
  });

  test('without an attention factor has that of the formula at its own length, not at that of the pass', () => {
    for (const length of [600, 2048])
      expect(factorsAt(SETS, length).attentionFactor).toBeCloseTo(Math.sqrt(1 + Math.log(8) / Math.log(256)), 14);
  });

  test('serves generation by both policies of a method whose table depends on the length', async () => {
    const file = `${await temporaryFolder()}/sets.json`;
    await writeFile(file, formatFactorSets(SETS));
    const geometry = { theta: 10_000, headDim: 4, rotaryDim: 4 };
    const spec = { geometry, originalLength: 256, maxPositionEmbeddings: 256, scaling: { type: 'default' } } as const;
    const method = await parseRopeMethod(file, spec);
    expect(method.lengths).toEqual([256, 512, 2048]);
    expect(ropeStages(method, 500, 20, 'once').map(({ maxLength }) => maxLength)).toEqual([520]);
    const stages = ropeStages(method, 500, 20, 're-prefill');
    expect(stages.map(({ maxLength, rope }) => [maxLength, rope.startTokens])).toEqual([
      [512, 4],
      [519, 0],
    ]);
    expect((await parseRopeMethod(`${file}@1.5`, spec)).resolve(300).attentionFactor).toBe(1.5);
    const other = { ...spec, originalLength: 128 };
    await expect(parseRopeMethod(file, other)).rejects.toThrow(/expected 128, the original length/);
  });

  test('is refused with everything that is wrong', async () => {
    const file = {
      format: 'longrope-factor-sets/2',
      original_max_position_embeddings: 1,
      sets: [{ length: 512, factors: [1, 2, 3], attention: 1 }, { length: 256, factors: [1, 2], start_tokens: -1 }, 7],
    };
    const error = await rejection((async () => parseFactorSets(JSON.stringify(file), 'sets.json', 2))());
    expect(error.problems.map(({ where }) => where)).toEqual([
      'sets.json: format',
      'sets.json: original_max_position_embeddings',
      'sets.json: sets[0].attention',
      'sets.json: sets[0].factors',
      'sets.json: sets[1].start_tokens',
      'sets.json: sets[2]',
    ]);
    const order = { ...file, format: 'longrope-factor-sets/1', original_max_position_embeddings: 256 };
    const unordered = { ...order, sets: [512, 512].map((length) => ({ length, factors: [1, 2] })) };
    expect(() => parseFactorSets(JSON.stringify(unordered), 's')).toThrow(/sets\[1\].length: expected more than 512/);
  });
});
