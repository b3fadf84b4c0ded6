import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configJson } from '../src/export/index.js';
import { loadModel, prepareWeights } from '../src/model/index.js';
import { resolveRope } from '../src/rope/index.js';
import { DecoderEngine } from '../src/runtime/index.js';
import { exportHf } from '../src/workflow/export-hf.js';
import { randomIds } from '../test/helpers/engine-models.js';
import { ARCHITECTURES, type ArchitectureCase, creationConfig, ROPE_TYPES, ropeKeys } from './architecture-cases.js';
import { check, largestDifference } from './check.js';
import { Exchange } from './models.js';
import { PythonReference } from './python.js';

const LENGTHS = [96, 300];
const TOLERANCE = 2e-4;
/** Of Phi3Config, which takes yarn for longrope without lists. */
const REFUSAL = /type field must be one of|long_factor|short_factor/;
const COLUMNS = [...ROPE_TYPES, 'longrope v4', 'exported'] as const;

type Answer = { readonly shapes: readonly (readonly number[])[] } | { readonly refused: string };

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
  console.log(
    [['largest difference'.padEnd(22), ...COLUMNS.map((name) => name.padEnd(11))].join(' '), ...rows].join('\n'),
  );
});

/** The model with YaRN's factors for 8 times its length, as `export hf` writes it. */
async function exported(folder: string): Promise<string> {
  const out = `${folder}-exported`;
  await exportHf({
    model: folder,
    out,
    rope: 'yarn:8',
    force: false,
    weights: 'link',
    profile: 'redundant',
    engines: ['transformers'],
    factorSets: [],
  });
  return out;
}

interface Text {
  readonly ids: Int32Array;
  readonly logits: Float32Array;
}

/** Ours, computed from the folder and nothing else. */
async function ourLogits(folder: string): Promise<Text[]> {
  const model = await loadModel(folder);
  const weights = await prepareWeights(model, { cacheDir: path.join(exchange.folder, 'cache') });
  const engine = await DecoderEngine.create({ spec: model.spec, weights, threads: 1, cacheTokens: 0, opens: 'plain' });
  const { geometry, scaling } = model.spec.rope;
  const texts: Text[] = [];
  for (const length of LENGTHS) {
    const ids = randomIds(model, length, length);
    const rows = Int32Array.from({ length }, (_, row) => row);
    const logits = await engine.logits({ ids, rope: resolveRope(geometry, scaling, length), rows });
    texts.push({ ids, logits });
  }
  await engine.close();
  return texts;
}

/** What transformers makes of the same folder; files of logits are named by the length of their text. */
async function askReference(folder: string, texts: readonly Int32Array[]): Promise<Answer> {
  const files: { ids: string; output: string }[] = [];
  for (const ids of texts)
    files.push({
      ids: await exchange.writeIds(`ids-${ids.length}`, ids),
      output: path.join(exchange.folder, `logits-${ids.length}`),
    });
  return reference.ask<Answer>({ folder, texts: files });
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
    const type = column === 'longrope v4' ? 'longrope' : column === 'exported' ? 'default' : column;
    const keys = ropeKeys(architecture, type, column === 'longrope v4' ? 4 : 5);
    await writeFile(path.join(folder, 'config.json'), configJson({ ...saved, ...keys }));
    const label = `${architecture.name}, ${column}`;
    if (architecture.refuses?.includes(type)) {
      expect(await askReference(folder, [Int32Array.of(1, 2, 3)]), label).toEqual({
        refused: expect.stringMatching(REFUSAL),
      });
      await expect(loadModel(folder), label).rejects.toThrow(/default, longrope|a list of numbers/);
      table.get(architecture.name)?.push('refused');
      return;
    }
    const read = column === 'exported' ? await exported(folder) : folder;
    const texts = await ourLogits(read);
    const ids = texts.map((text) => text.ids);
    expect(await askReference(read, ids), label).toEqual({ shapes: LENGTHS.map((length) => [length, 200]) });
    let largest = 0;
    for (const {
      ids: { length },
      logits,
    } of texts) {
      const difference = largestDifference(logits, await exchange.readFloats(`logits-${length}`));
      check(`logits, ${label}, ${length} tokens`, difference, TOLERANCE);
      largest = Math.max(largest, difference);
    }
    table.get(architecture.name)?.push(largest.toExponential(1));
  });
});
