import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  fillerHaystack,
  type Haystack,
  needleTask,
  passkeyTask,
  RowRefused,
  RULER_TASKS,
  type SyntheticTask,
  type Tokenizer,
  textHaystack,
} from '../../src/corpus/index.js';
import { splitSentences } from '../../src/corpus/synthetic/haystack.js';
import { releasedPrompt } from '../../src/corpus/synthetic/passkey.js';
import { zipfCounts } from '../../src/corpus/synthetic/ruler/frequent-words.js';
import { sha256 } from '../../src/run/index.js';
import { SHARED } from '../helpers/stories260k.js';
import { TOKENIZERS, threeCharacters, wordTokenizer } from '../helpers/tokenizers.js';

const TASKS: readonly SyntheticTask[] = [
  passkeyTask('paper'),
  needleTask({ depth: 0.4, needles: 1 }),
  needleTask({ depth: 0, needles: 4 }),
  ...RULER_TASKS,
];

let book: string;
beforeAll(async () => {
  book = (await readFile(path.join(SHARED, 'data/pg19/test/10146.txt'), 'utf8')).slice(9000, 200_000);
});

function refusal(run: () => unknown): RowRefused {
  try {
    run();
  } catch (error) {
    if (error instanceof RowRefused) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe.each(Object.entries(TOKENIZERS))('rows of %s tokens', (_, open) => {
  let tokenizer: Tokenizer;
  let haystack: Haystack;
  beforeAll(async () => {
    tokenizer = await open();
    haystack = textHaystack('book', book, true, tokenizer);
  });
  const row = (task: SyntheticTask, length: number, trial = 0, seed = 42) =>
    task.row({ tokenizer, length, trial, seed, haystack });

  it.each(TASKS)('$name: any length exactly, with the answer in the prompt', (task) => {
    fc.assert(
      fc.property(fc.integer({ min: 1300, max: 6000 }), fc.nat(30), fc.nat(2 ** 32 - 1), (length, trial, seed) => {
        const { promptIds, answerTokens, expected } = row(task, length, trial, seed);
        expect(promptIds.length + answerTokens).toBe(length);
        if (tokenizer.bosTokenId !== null) expect(promptIds[0]).toBe(tokenizer.bosTokenId);
        const text = tokenizer.decode(promptIds);
        for (const wanted of expected) {
          expect(text).toContain(wanted);
          // Room for the answer in this tokenizer.
          expect(tokenizer.encode(` ${wanted}`).length).toBeLessThanOrEqual(answerTokens);
        }
      }),
      { numRuns: 8 },
    );
  });

  it.each(TASKS)('$name: refuses a length below the least, which it states', (task) => {
    const minimum = Number(/at least (\d+) tokens/.exec(refusal(() => row(task, 20)).message)?.[1]);
    expect(minimum).toBeGreaterThan(40);
    expect(minimum).toBeLessThan(1000);
    // The draws depend on the length, so the least differs by what keys and numbers are tokenised to.
    const fits = minimum + 60;
    expect(row(task, fits).promptIds.length + task.answerTokens(fits)).toBe(fits);
    refusal(() => row(task, minimum - 60));
  });

  it('follow from seed, length and trial alone', () => {
    for (const task of TASKS) {
      const first = row(task, 1500, 3);
      row(task, 1400, 8);
      expect(row(task, 1500, 3)).toEqual(first);
      expect(row(task, 1500, 4).expected).not.toEqual(first.expected);
      expect(row(task, 1500, 3, 43).expected).not.toEqual(first.expected);
    }
  });

  it('put needles where they say', () => {
    for (const hay of [haystack, fillerHaystack(tokenizer)])
      for (const depth of [0, 0.25, 0.5, 0.9, 1]) {
        const length = 3000;
        const { promptIds } = needleTask({ depth, needles: 1 }).row({
          tokenizer,
          length,
          trial: 1,
          seed: 5,
          haystack: hay,
        });
        const text = tokenizer.decode(promptIds);
        const from = text.indexOf('afterwards.') + 'afterwards.'.length;
        const to = text.lastIndexOf('What is the special');
        const needle = text.indexOf('The special magic');
        const tokens = (start: number, end: number) => tokenizer.encode(text.slice(start, end)).length;
        const before = tokens(from, needle);
        const after = tokens(text.indexOf('.', needle) + 1, to);
        const longest = Math.max(...hay.tokens);
        expect(Math.abs(before / (before + after) - depth) * (before + after)).toBeLessThanOrEqual(longest + 2);
      }
  });
});

describe('passkey', () => {
  const words = wordTokenizer();
  const row = (trial: number, tokenizer = words) =>
    passkeyTask('paper').row({ tokenizer, length: 2000, trial, seed: 1, haystack: fillerHaystack(tokenizer) });

  it('stands anywhere with the same chance', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let trial = 0; trial < 200; trial++) {
      const { promptIds, expected, depth } = row(trial);
      expect(expected[0]).toMatch(/^[1-9]\d{4}$/);
      const text = words.decode(promptIds);
      const at = text.indexOf('The pass key is') - text.indexOf('\n');
      expect(Math.abs(at / (text.lastIndexOf('What is') - text.indexOf('\n')) - depth)).toBeLessThan(0.03);
      tenths[Math.min(9, Math.floor(10 * depth))]!++;
    }
    // 200 trials: 20 each, standard deviation 4.
    for (const count of tenths) expect(Math.abs(count - 20)).toBeLessThan(17);
  });

  it('has key and place of its trial in every tokenizer', async () => {
    const tiny = await TOKENIZERS['tiny']!();
    for (let trial = 0; trial < 10; trial++) {
      expect(row(trial, tiny).expected).toEqual(row(trial).expected);
      expect(Math.abs(row(trial, tiny).depth - row(trial).depth)).toBeLessThan(0.05);
    }
  });

  it('of the released script is its own, draw for draw', async () => {
    const cases = JSON.parse(
      await readFile(path.resolve(import.meta.dirname, '../oracle/passkey-released.json'), 'utf8'),
    ) as { seed: number; length: number; samples: { key: string; characters: number; sha256: string }[] }[];
    expect(cases).toHaveLength(10);
    for (const { seed, length, samples } of cases)
      samples.forEach((sample, trial) => {
        const { text, key } = releasedPrompt({ seed, length, trial });
        expect({ key, characters: text.length, sha256: sha256(text) }).toEqual(sample);
      });
  });
});

describe('RULER tasks', () => {
  const haystack = () => textHaystack('book', book, true, threeCharacters);
  const row = (name: string, length: number, trial: number) => {
    const task = RULER_TASKS.find((candidate) => candidate.name === name) as SyntheticTask;
    const made = task.row({ tokenizer: threeCharacters, length, trial, seed: 9, haystack: haystack() });
    return { ...made, text: threeCharacters.decode(made.promptIds) };
  };
  const counted = (words: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  };

  it.each([700, 2500, 9000])('cwe: the ten words are those that stand most often (%i)', (length) => {
    const { text, expected } = row('cwe', length, 2);
    const list = text.slice(text.lastIndexOf('Below is'), text.lastIndexOf('Question:'));
    const ranked = counted([...list.matchAll(/\d+\. (\w+)/g)].map((match) => match[1] as string));
    expect(new Set(ranked.slice(0, 10).map(([word]) => word))).toEqual(new Set(expected));
    expect(ranked[9]?.[1]).toBeGreaterThan(ranked[10]?.[1] as number);
    expect(text.split('Below is').length - 1).toBe(length < 1024 ? 1 : 2);
  });

  it.each([500, 700, 2500, 9000])('fwe: the three words are the next after the noise, without a tie (%i)', (length) => {
    const { text, expected } = row('fwe', length, 1);
    const coded = text.slice(text.indexOf('coded words. ') + 13, text.lastIndexOf('\nQuestion'));
    const ranked = counted(coded.split(' ').filter((word) => /^[a-z]{6}$/.test(word)));
    expect(ranked.slice(0, 3).map(([word]) => word)).toEqual(expected);
    expect(ranked[2]?.[1]).toBeGreaterThan(ranked[3]?.[1] ?? 0);
  });

  it('fwe: proportions are Zipf, and no answer ties with the next', () => {
    expect(zipfCounts(6000, 5)).toEqual([3647, 911, 405, 227, 145]);
    fc.assert(
      fc.property(fc.integer({ min: 27, max: 3000 }), (draws) => {
        const counts = zipfCounts(draws, 8);
        for (let rank = 0; rank < 4; rank++) expect(counts[rank]).toBeGreaterThan(counts[rank + 1] as number);
      }),
    );
  });

  it.each([600, 2000, 5000])('vt: the chain leads from the value to each name, in order (%i)', (length) => {
    const { text, expected } = row('vt', length, 0);
    const question = text.slice(text.lastIndexOf('Memorize'));
    const value = /variables are assigned the value (\d+), they are:$/.exec(question)?.[1];
    const holds = new Set([value]);
    const names: string[] = [];
    for (const [, name, source] of question.matchAll(/VAR (\w+) = (?:VAR )?(\w+)/g))
      if (holds.has(source)) {
        holds.add(name as string);
        names.push(name as string);
      }
    expect(names).toEqual(expected);
  });

  it('niah: only the asked keys have the expected values, and every key but multivalue one', () => {
    for (const { name } of RULER_TASKS.filter((task) => task.name.startsWith('niah')))
      for (let trial = 0; trial < 5; trial++) {
        const { text, expected } = row(name, 3000, trial);
        const pairs = [...text.matchAll(/magic (?:numbers|uuids) for (\S+) is: (\S+)\./g)].map(
          ([, key, value]) => [key, value] as const,
        );
        const asked = text.slice(text.lastIndexOf('What'));
        const right = pairs.filter(([key]) => asked.includes(key as string)).map(([, value]) => value as string);
        expect(new Set(right)).toEqual(new Set(expected));
        expect(expected).toHaveLength(/multivalue|multiquery/.test(name) ? 4 : 1);
        expect(pairs.length).toBeGreaterThanOrEqual(
          { niah_multikey_1: 4, niah_multikey_2: 20, niah_multikey_3: 10 }[name] ?? 1,
        );
      }
  });
});

describe('haystacks', () => {
  it('are cut at sentence ends', () => {
    expect(
      splitSentences('He said: "Go!" Then\nMr. Smith left.  It was 3.5 miles (or so). "Why?" she asked. J. Doe knew.'),
    ).toEqual([
      'He said: "Go!"',
      'Then Mr. Smith left.',
      'It was 3.5 miles (or so).',
      '"Why?" she asked.',
      'J. Doe knew.',
    ]);
  });

  it('that must not repeat and end before the row are refused with the length they fill', () => {
    const short = textHaystack('short', book.slice(0, 3000), false, threeCharacters);
    const row = (length: number) =>
      needleTask({ depth: 0.5, needles: 1 }).row({
        tokenizer: threeCharacters,
        length,
        trial: 0,
        seed: 1,
        haystack: short,
      });
    const longest = Number(/text for (\d+)/.exec(refusal(() => row(5000)).message)?.[1]);
    expect(longest).toBeGreaterThan(1000);
    expect(row(longest - 200).promptIds.length).toBe(longest - 216);
    refusal(() => row(longest + 40));
  });
});
