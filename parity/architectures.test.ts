import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, prepareWeights } from '../src/model/index.js';
import { resolveRope } from '../src/rope/index.js';
import { DecoderEngine } from '../src/runtime/index.js';
import { randomIds } from '../test/helpers/engine-models.js';
import { ARCHITECTURES, type ArchitectureCase, creationConfig, ROPE_TYPES, ropeKeys } from './architecture-cases.js';
import { check, largestDifference } from './check.js';
import { Exchange } from './models.js';
import { PythonReference } from './python.js';

const LENGTHS = [96, 300];
const TOLERANCE = 2e-4;
const COLUMNS = [...ROPE_TYPES, 'longrope v4'] as const;

type Answer = { readonly shape: readonly number[] } | { readonly refused: string };

let exchange: Exchange;
let reference: PythonReference;
const table = new Map<string, string[]>();

beforeAll(async () => {
  exchange = await Exchange.open();
  reference = new PythonReference('reference_architectures.py');
});
afterAll(async () => {
  reference?.close();
  await exchange?.remove();
  const rows = [...table].map(([name, cells]) => [name.padEnd(22), ...cells.map((cell) => cell.padEnd(11))].join(' '));
  console.log([['largest difference'.padEnd(22), ...COLUMNS.map((name) => name.padEnd(11))].join(' '), ...rows].join('\n'));
});

/** Ours, computed from the folder and nothing else. */
async function ourLogits(folder: string, length: number): Promise<{ ids: Int32Array; logits: Float32Array }> {
  const model = await loadModel(folder);
  const weights = await prepareWeights(model, { cacheDir: path.join(exchange.folder, 'cache') });
  const engine = await DecoderEngine.create({ spec: model.spec, weights, threads: 2, cacheTokens: length, opens: 'plain' });
  const { geometry, scaling } = model.spec.rope;
  const ids = randomIds(model, length, length);
  const rows = Int32Array.from({ length }, (_, row) => row);
  const logits = await engine.logits({ ids, rope: resolveRope(geometry, scaling, length), rows });
  await engine.close();
  return { ids, logits };
}

async function compare(folder: string, length: number): Promise<number> {
  const { ids, logits } = await ourLogits(folder, length);
  const output = path.join(exchange.folder, 'logits');
  const answer = await reference.ask<Answer>({ folder, ids: await exchange.writeIds('ids', ids), output });
  expect(answer).toEqual({ shape: [length, logits.length / length] });
  return largestDifference(logits, await exchange.readFloats('logits'));
}

describe.each(ARCHITECTURES)('$name', (architecture: ArchitectureCase) => {
  let folder: string;
  let saved: Record<string, unknown>;

  beforeAll(async () => {
    folder = path.join(exchange.folder, architecture.name.replaceAll(/\W+/g, '-'));
    await reference.ask({ create: folder, config: creationConfig(architecture), seed: 1 });
    const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
    saved = Object.fromEntries(Object.entries(config).filter(([key]) => !key.startsWith('rope_')));
    table.set(architecture.name, []);
  });

  it.each(COLUMNS)('%s', async (column) => {
    const type = column === 'longrope v4' ? 'longrope' : column;
    const keys = ropeKeys(architecture, type, column === 'longrope v4' ? 4 : 5);
    await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...saved, ...keys }));
    const label = `${architecture.name}, ${column}`;
    if (architecture.refuses?.includes(type)) {
      const ids = await exchange.writeIds('ids', Int32Array.of(1, 2, 3));
      const answer = await reference.ask<Answer>({ folder, ids, output: path.join(exchange.folder, 'logits') });
      expect(answer, label).toHaveProperty('refused');
      await expect(loadModel(folder), label).rejects.toThrow(/default, longrope|a list of numbers/);
      table.get(architecture.name)?.push('refused');
      return;
    }
    let largest = 0;
    for (const length of LENGTHS) {
      const difference = await compare(folder, length);
      check(`logits, ${label}, ${length} tokens`, difference, TOLERANCE);
      largest = Math.max(largest, difference);
    }
    table.get(architecture.name)?.push(largest.toExponential(1));
  });
});
