import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { readDataset, writeDataset } from '../../../src/corpus/index.js';
import { mutatedBytes } from '../byte-mutations.js';
import type { FuzzKind, FuzzTarget } from '../fuzz-kind.js';
import { mutatedJson } from '../json-mutations.js';

/** From the project's folder: scripts/fuzz.js runs a bundle of this file. */
const FOREIGN = path.resolve('test/oracle/tokenizer-datasets');

/** Data sets: the Arrow stream `tokenize` writes, those of Python `datasets`, and the JSON beside them. */
export const arrow: FuzzKind = {
  name: 'arrow',
  async prepare(folder) {
    const own = path.join(folder, 'own');
    await writeDataset(own, documents(), { tokenizerHash: 'abc' });
    return [await streamTarget(own), await stateTarget(path.join(folder, 'state'))];
  },
};

async function* documents() {
  for (let i = 0; i < 5; i++)
    yield { id: `book ${i}`, ids: Int32Array.from({ length: 3 * i + 1 }, (_, k) => 7 * k + i) };
}

async function streamTarget(folder: string): Promise<FuzzTarget> {
  const file = path.join(folder, 'data-00000-of-00001.arrow');
  const valid = await readFile(file);
  const foreign = await Promise.all(
    ['int64', 'large'].map((name) => readFile(path.join(FOREIGN, name, 'data-00000-of-00001.arrow'))),
  );
  return {
    file,
    valid,
    // Flatbuffers align every field to 4 bytes, so that each multiple of 4 is a length, an offset, a type or data.
    inputs: fc.oneof(
      { weight: 3, arbitrary: mutatedBytes(valid) },
      ...foreign.map((bytes) => mutatedBytes(bytes)),
      // Without the end mark nothing behind it is looked at.
      {
        weight: 3,
        arbitrary: mutatedBytes(valid.subarray(0, -8)).map((bytes) => Buffer.concat([bytes, valid.subarray(-8)])),
      },
    ),
    read: () => readAll(folder),
  };
}

async function stateTarget(folder: string): Promise<FuzzTarget> {
  await writeDataset(folder, documents(), { tokenizerHash: 'abc' });
  const file = path.join(folder, 'state.json');
  const valid = await readFile(file);
  const names = [
    '"../state/dataset_info.json"',
    '"/dev/zero"',
    `"${'n'.repeat(300)}"`,
    '"."',
    '"a\\u0000b"',
    '"state.json"',
  ];
  const values = [...names, ...names.map((name) => `[{"filename":${name}}]`)];
  return {
    file,
    valid,
    inputs: fc.oneof(mutatedBytes(valid), mutatedJson(JSON.parse(valid.toString()), { values, keys: ['filename'] })),
    read: () => readAll(folder),
  };
}

async function readAll(folder: string): Promise<void> {
  const { documents: read } = await readDataset(folder);
  for (const { id, ids } of read) {
    if (typeof id !== 'string') throw new Error(`a document named ${String(id)}`);
    if (!ids.every((token) => token >= 0)) throw new Error(`negative ids in ${id}`);
  }
}
