import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { findTraps, type GgufSource, TRAP_IDS } from '../../src/export/index.js';
import { PROJECT } from '../helpers/cli.js';

it('every trap has a heading in docs/traps.md, and every heading is a trap', async () => {
  const text = await readFile(path.join(PROJECT, 'docs/traps.md'), 'utf8');
  const headings = [...text.matchAll(/^### (\S+)$/gm)].map(([, id]) => id as string);
  expect(headings.toSorted()).toEqual([...TRAP_IDS].toSorted());
});

const GGUF: GgufSource = {
  format: 'gguf',
  file: 'x.gguf',
  architecture: 'llama',
  theta: 10_000,
  headDim: 16,
  rotaryDim: 16,
  contextLength: 1024,
  originalLength: 256,
  type: 'longrope',
  factor: 1,
  attentionFactor: 1,
  betaFast: 32,
  betaSlow: 1,
  short: Array(8).fill(1),
  long: Array(8).fill(4),
  keys: new Set(['rope.scaling.type']),
};

it.each([
  ['as it should be', {}, []],
  ['a factor on top', { factor: 4 }, ['gguf-factor']],
  ['no type', { type: 'linear', keys: new Set<string>() }, ['gguf-type']],
  ['no type, phi3', { architecture: 'phi3', type: 'linear' }, []],
  ['qwen2', { architecture: 'qwen2' }, ['gguf-architecture']],
  ['rope_freqs too', { frequencies: Array(8).fill(2) }, ['gguf-rope-freqs']],
  ['no original length', { originalLength: 1024 }, ['gguf-original']],
  ['llama3', { type: 'linear', short: undefined, long: undefined, frequencies: Array(8).fill(2) }, []],
  ['the type alone', { short: undefined, long: undefined }, ['gguf-no-factors']],
  [
    'yarn with an attention factor',
    { type: 'yarn', factor: 4, short: undefined, long: undefined, keys: new Set(['rope.scaling.yarn_attn_factor']) },
    ['gguf-yarn-attention'],
  ],
])('GGUF: %s', (_name, changes, traps) => {
  const source = Object.fromEntries(Object.entries({ ...GGUF, ...changes }).filter(([, value]) => value !== undefined));
  expect(findTraps(source as unknown as GgufSource).map(({ id }) => id)).toEqual(traps);
});
