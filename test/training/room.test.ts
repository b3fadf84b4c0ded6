import { expect, it } from 'vitest';
import { runBytes } from '../../src/training/room.js';

const sizes = { checkpoint: 300, weights: 100, result: 50 };

it.each([
  ['one checkpoint and the result', { saves: 1, saveTotalLimit: 1, validates: false }, 350],
  ['the new one beside the old one', { saves: 5, saveTotalLimit: 1, validates: false }, 600],
  ['weights of a validation', { saves: 5, saveTotalLimit: 1, validates: true }, 700],
  ['no more than are written', { saves: 3, saveTotalLimit: 9, validates: false }, 950],
  ['a result that is larger than a checkpoint', { saves: 5, saveTotalLimit: 2, validates: false, result: 400 }, 1000],
])('a run has room for %s', (_, run, bytes) => {
  expect(runBytes({ ...sizes, ...run })).toBe(bytes);
});
