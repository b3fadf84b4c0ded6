import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { openSafetensors } from '../../../src/model/index.js';
import { writeTinyCheckpoint } from '../../helpers/tiny-checkpoint.js';
import { mutatedBytes } from '../byte-mutations.js';
import { checkpointValues } from '../checkpoint-values.js';
import type { FuzzKind, FuzzTarget } from '../fuzz-kind.js';
import { mutatedJson } from '../json-mutations.js';

const DTYPES = ['F32', 'F16', 'BF16', 'F64', 'I64', 'BOOL', 'U8', 'F4', 'Q4_0', 'f32'].map((name) => `"${name}"`);
const SHAPES = ['[-1]', '[1e308,1e308]', '[4294967296,4294967296]', '[0]', '[1.5]', '[1,1,1,1,1,1,1,1,1]', '[32]'];
const OFFSETS = ['[0,4]', '[4,0]', '[-4,0]', '[0,9007199254740991]', '[0.5,4.5]', '[0]', '[0,4,8]'];

/** A single file, and the index of a sharded one. */
export const safetensors: FuzzKind = {
  name: 'safetensors',
  async prepare(folder) {
    const single = path.join(folder, 'single');
    const sharded = path.join(folder, 'sharded');
    await mkdir(folder, { recursive: true });
    await writeTinyCheckpoint(single, { config: { num_hidden_layers: 1, vocab_size: 8, intermediate_size: 16 } });
    await writeTinyCheckpoint(sharded, { config: { num_hidden_layers: 1, vocab_size: 8 }, shards: 2 });
    return [
      await fileTarget(path.join(single, 'model.safetensors')),
      await indexTarget(path.join(sharded, 'model.safetensors.index.json')),
    ];
  },
};

async function fileTarget(file: string): Promise<FuzzTarget> {
  const valid = await readFile(file);
  const dataStart = 8 + Number(valid.readBigUInt64LE(0));
  const header: unknown = JSON.parse(valid.toString('utf8', 8, dataStart));
  const data = valid.subarray(dataStart);
  const withLength = (json: Buffer) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.byteLength));
    return Buffer.concat([length, json, data]);
  };
  const inHeader = Array.from({ length: dataStart }, (_, i) => i);
  return {
    file,
    valid,
    inputs: fc.oneof(
      mutatedBytes(valid, { fields: [0, 4, ...inHeader] }),
      mutatedJson(header, { values: [...DTYPES, ...SHAPES, ...OFFSETS], keys: ['__metadata__', 'dtype'] }).map(
        withLength,
      ),
    ),
    read: async () => checkpointValues(await openSafetensors(path.dirname(file))),
  };
}

async function indexTarget(file: string): Promise<FuzzTarget> {
  const valid = await readFile(file);
  const names = ['"../config.json"', '"/dev/zero"', `"${'n'.repeat(300)}"`, '"."', '".."', '"a/b"', '"a\\u0000b"'];
  return {
    file,
    valid,
    inputs: fc.oneof(mutatedBytes(valid), mutatedJson(JSON.parse(valid.toString()), { values: names })),
    read: async () => checkpointValues(await openSafetensors(path.dirname(file))),
  };
}
