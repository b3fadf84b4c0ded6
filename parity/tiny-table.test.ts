import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluatePerplexity } from '../src/evaluation/index.js';
import { loadModel } from '../src/model/index.js';
import { parseRopeConfig } from '../src/model/rope-config.js';
import { resolveRope } from '../src/rope/index.js';
import { type Engine, openEngine } from '../src/runtime/index.js';
import { check } from './check.js';
import { BOOKS, bookIds, Exchange, SHARED, TINY } from './models.js';
import { PythonReference } from './python.js';

const LENGTHS = [256, 512, 1024, 2048, 4096];
const THETA = 10_000;
const HEAD_DIM = 64;

/** The model whose README has the table; the embedded one has its shape and tokenizer. */
const MODEL = path.join(SHARED, 'models/tiny-pg19');
const readme = await readFile(path.join(MODEL, 'README.md'), 'utf8');
const gradientSet = /^The gradient set, pairs 0-31: (.*)\.$/m.exec(readme)?.[1]?.split(' ').map(Number) ?? [];

/** The columns of the table as keys of a config.json, which both sides read. */
const columns: readonly { readonly name: string; readonly parameters: (ratio: number) => object }[] = [
  { name: 'none', parameters: () => ({ rope_type: 'default' }) },
  { name: 'PI', parameters: (ratio) => ({ rope_type: 'linear', factor: ratio }) },
  {
    name: 'NTK',
    // Factors s^(2i/(d-2)) are a larger base.
    parameters: (ratio) => ({ rope_type: 'default', rope_theta: THETA * ratio ** (HEAD_DIM / (HEAD_DIM - 2)) }),
  },
  { name: 'YaRN', parameters: (ratio) => yarn(ratio, 1) },
  {
    name: 'YaRN, attention factor',
    parameters: (ratio) => yarn(ratio, Math.sqrt(1 + Math.log(ratio) / Math.log(256))),
  },
  {
    name: 'gradient set',
    parameters: () => ({
      rope_type: 'longrope',
      short_factor: gradientSet,
      long_factor: gradientSet,
      attention_factor: 1.061,
      original_max_position_embeddings: 256,
    }),
  },
];

function yarn(factor: number, attentionFactor: number): object {
  return { rope_type: 'yarn', factor, attention_factor: attentionFactor, original_max_position_embeddings: 256 };
}

/** Cells of the README's row of one length; NaN where it leaves one out. */
function published(length: number): number[] {
  const cells = new RegExp(`^\\| ${length} \\|(.*)\\|$`, 'm').exec(readme)?.[1]?.split('|') ?? [];
  return cells.map((cell) => Number.parseFloat(cell.replaceAll('*', '')));
}

describe('perplexity table of the tiny model', () => {
  let exchange: Exchange;
  let reference: PythonReference;
  let engine: Engine;

  beforeAll(async () => {
    exchange = await Exchange.open();
    reference = new PythonReference('reference_perplexity.py', MODEL);
    engine = await openEngine(await loadModel(MODEL), { workers: 1, maxLength: 4096 });
  });
  afterAll(async () => {
    reference?.close();
    await engine?.close();
    await exchange?.remove();
  });

  it.each(LENGTHS)('%i tokens', async (length) => {
    expect(gradientSet).toHaveLength(HEAD_DIM / 2);
    const documents = await Promise.all(BOOKS.map(async (id) => ({ id, ids: await bookIds(TINY, length, id) })));
    const files = await Promise.all(documents.map(({ id, ids }) => exchange.writeIds(id, ids)));
    const protocol = { name: 'document' as const, length };
    for (const [column, cell] of published(length).entries()) {
      const { name, parameters } = columns[column] as (typeof columns)[number];
      if (Number.isNaN(cell)) continue;
      const config = {
        max_position_embeddings: 8 * length,
        rope_parameters: { rope_theta: THETA, ...parameters(length / 256) },
      };
      const theirs = await reference.ask<{ perplexity: number }>({
        protocol,
        documents: files,
        bos: TINY.bos,
        rope: { config },
      });
      const { geometry, scaling } = parseRopeConfig(config, { headDim: HEAD_DIM });
      const ours = await evaluatePerplexity({
        engine,
        documents,
        bosTokenId: TINY.bos,
        protocol,
        rope: resolveRope(geometry, scaling, length),
      });
      const where = `tiny-pg19 table, ${name}, ${length} tokens`;
      check(`${where}, transformers against the README`, Math.abs(theirs.perplexity - cell), 0.05);
      check(`${where}, relative`, Math.abs(ours.perplexity / theirs.perplexity - 1), 1e-5);
    }
  });
});
