import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { PythonRandom } from '../../../src/evaluation/benchmarks/python-random.js';
import { capitalize, codePoints, strip, stripEnd } from '../../../src/evaluation/benchmarks/python-text.js';

interface Golden {
  readonly draws: readonly {
    readonly seed: number;
    readonly bits: readonly number[];
    readonly samples: readonly { readonly population: number; readonly count: number; readonly drawn: number[] }[];
  }[];
  readonly texts: readonly {
    readonly text: string;
    readonly strip: string;
    readonly rstrip: string;
    readonly capitalize: string;
    readonly length: number;
  }[];
}

/** Made by parity/python_random_golden.py. */
const golden = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../../oracle/python-random.json'), 'utf8'),
) as Golden;

describe("Python's random.Random", () => {
  it.each(golden.draws)('seed $seed: bits and samples, one after the other', ({ seed, bits, samples }) => {
    const random = new PythonRandom(seed);
    expect([32, 1, 7, 31, 32].map((width) => random.bits(width))).toEqual(bits);
    for (const { population, count, drawn } of samples)
      expect(random.sample(population, count), `${count} of ${population}`).toEqual(drawn);
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
    expect({
      text,
      strip: strip(text),
      rstrip: stripEnd(text),
      capitalize: capitalize(text),
      length: codePoints(text),
    }).toEqual(expected);
  });
});
