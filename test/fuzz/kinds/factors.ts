import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { parseRopeMethod } from '../../../src/evaluation/rope-method.js';
import type { RopeSpec } from '../../../src/model/types.js';
import { formatFactorCsv, formatFactorJson } from '../../../src/rope/factor-file.js';
import { factorVector } from '../../../src/rope/factor-vector.js';
import { rotaryTable } from '../../../src/rope/rotary-table.js';
import { mutatedBytes } from '../byte-mutations.js';
import type { FuzzKind, FuzzTarget } from '../fuzz-kind.js';
import { mutatedJson } from '../json-mutations.js';

const FACTORS = factorVector([1, 1.0625, 1.5, 2.75, 3.5, 4, 6.125, 8]);
const SPEC: RopeSpec = {
  geometry: { theta: 10_000, headDim: 16, rotaryDim: 16 },
  scaling: { type: 'default' },
  originalLength: 256,
  maxPositionEmbeddings: 256,
};
/** What a careless hand or another program leaves in a table of numbers. */
const CELLS = [
  'nan',
  'inf',
  '-inf',
  '1e999',
  '1e-999',
  '-1',
  '0',
  '0x10',
  '1,5',
  '1_000',
  '١',
  '#',
  ',',
  ',,',
  '\t',
  '\r',
  '1e',
  '.',
  '"2"',
];

export const factorCsv: FuzzKind = {
  name: 'factor-csv',
  prepare: (folder) =>
    Promise.all(
      Object.entries({
        'column.csv': formatFactorCsv(FACTORS),
        'start-tokens.csv': formatFactorCsv([4, ...FACTORS]),
        'layers.csv': Array.from({ length: 3 }, () => [...FACTORS].join(', ')).join('\n'),
      }).map(([name, text]) => target(folder, name, Buffer.from(text), tables(text))),
    ),
};

export const factorJson: FuzzKind = {
  name: 'factor-json',
  prepare: (folder) =>
    Promise.all(
      Object.entries({
        'own.json': JSON.parse(
          formatFactorJson({
            factors: FACTORS,
            attentionFactor: 1.1,
            startTokens: 4,
            originalLength: 256,
            targetLength: 2048,
          }),
        ) as unknown,
        'list.json': [...FACTORS],
        'config.json': {
          max_position_embeddings: 2048,
          original_max_position_embeddings: 256,
          rope_scaling: { type: 'longrope', factor: 8, short_factor: [...FACTORS], long_factor: [...FACTORS] },
        },
      }).map(([name, value]) =>
        target(
          folder,
          name,
          Buffer.from(JSON.stringify(value, null, 1)),
          mutatedJson(value, { keys: ['factors', 'long_factor'] }),
        ),
      ),
    ),
};

/** Cells of a table replaced, dropped and added. */
function tables(text: string): fc.Arbitrary<Buffer> {
  const parts = text.split(/(?<=[\n,])|(?=[\n,])/);
  const change = fc.record({ at: fc.nat(parts.length - 1), cell: fc.constantFrom('', ...CELLS), repeat: fc.nat(3) });
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const out = [...parts];
    for (const { at, cell, repeat } of changes) out[at] = cell.repeat(repeat + 1);
    return Buffer.from(out.join(''));
  });
}

async function target(
  folder: string,
  name: string,
  valid: Buffer,
  structured: fc.Arbitrary<Buffer>,
): Promise<FuzzTarget> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, name);
  await writeFile(file, valid);
  return {
    file,
    valid,
    inputs: fc.oneof(mutatedBytes(valid), { weight: 2, arbitrary: structured }),
    async read() {
      const rope = (await parseRopeMethod(file, SPEC)).resolve(2048);
      const { cos, sin } = rotaryTable(rope, 3);
      if (![...cos, ...sin].every(Number.isFinite)) throw new Error('a rotary table that is not finite');
    },
  };
}
