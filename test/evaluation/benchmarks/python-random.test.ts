import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PythonRandom } from '../../../src/evaluation/benchmarks/python-random.js';
import { capitalize, codePoints, strip, stripEnd } from '../../../src/evaluation/benchmarks/python-text.js';

interface Golden {
  readonly cases: readonly {
    readonly seed: number;
    readonly population: number;
    readonly count: number;
    /** Drawn one after the other. */
    readonly samples: readonly number[][];
  }[];
  readonly texts: readonly {
    readonly text: string;
    readonly strip: string;
    readonly rstrip: string;
    readonly capitalize: string;
    readonly length: number;
  }[];
}

/** Made by parity/random_golden.py. */
const golden = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../../oracle/python-random.json'), 'utf8'),
) as Golden;

describe("Python's random.Random", () => {
  it.each(golden.cases)('seed $seed: samples of $count from $population', ({ seed, population, count, samples }) => {
    const random = new PythonRandom(seed);
    expect(samples.map(() => random.sample(population, count))).toEqual(samples);
  });

  it('refuses seeds it would not reproduce and samples that do not exist', () => {
    expect(() => new PythonRandom(-1)).toThrow(RangeError);
    expect(() => new PythonRandom(2 ** 32)).toThrow(RangeError);
    expect(() => new PythonRandom(1).sample(3, 4)).toThrow(RangeError);
  });
});

describe("Python's string methods", () => {
  it.each(golden.texts)('$text', (expected) => {
    const { text } = expected;
    const ours = { strip: strip(text), rstrip: stripEnd(text), capitalize: capitalize(text), length: codePoints(text) };
    expect({ text, ...ours }).toEqual(expected);
  });
});
