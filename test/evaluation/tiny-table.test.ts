import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { evaluatePerplexityJob } from '../../src/workflow/evaluate-perplexity.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

/** The model whose README has the table; the embedded one has its shape and tokenizer. */
const MODEL = path.join(SHARED, 'models/tiny-pg19');
/** The longer ones: parity/tiny-table.test.ts. */
const LENGTHS = [256, 512, 1024];

/** The figures transformers gave, read from the table and the factor list of the model's README. */
async function published() {
  const readme = await readFile(path.join(MODEL, 'README.md'), 'utf8');
  const rows = LENGTHS.map((length) => {
    const cells = new RegExp(`^\\| ${length} \\|(.*)\\|$`, 'm').exec(readme)?.[1]?.split('|') ?? [];
    return cells.map((cell) => Number.parseFloat(cell.replaceAll('*', '')));
  });
  const factors = /^The gradient set, pairs 0-31: (.*)\.$/m.exec(readme)?.[1]?.split(' ').map(Number) ?? [];
  return { rows, factors };
}

it('reproduces the perplexities of tiny-pg19 that transformers gave', async () => {
  const { rows, factors } = await published();
  expect(factors).toHaveLength(32);
  const file = path.join(await temporaryFolder(), 'gradient.csv');
  await writeFile(file, factors.join('\n'));
  const methods = ['none', 'pi', 'ntk', 'yarn@1', 'yarn@longrope', `${file}@1.061`];
  const target = { model: MODEL, methods, command: 'test' };
  const { results } = await evaluatePerplexityJob(target, {
    texts: [path.join(SHARED, 'data/pg19/test')],
    lengths: LENGTHS,
    protocol: 'document',
    stride: 256,
    truncate: false,
    maxTokens: null,
    bos: true,
    textOptions: { skipCharacters: 9000 },
  });
  const differences = results.flatMap(({ method, length, perplexity }) => {
    const expected = rows[LENGTHS.indexOf(length)]?.[methods.indexOf(method)] as number;
    return Number.isNaN(expected) ? [] : [Math.abs((perplexity as number) - expected)];
  });
  expect(differences).toHaveLength(14);
  console.log(`largest difference from the published table: ${Math.max(...differences).toFixed(4)}`);
  expect(Math.max(...differences)).toBeLessThan(0.05);
});
