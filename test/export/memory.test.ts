import { execFile } from 'node:child_process';
import { mkdir, open, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { randomTensors, TINY_CONFIG, writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

const SCRIPT = path.join(import.meta.dirname, 'measure-memory.mjs');
const MEGABYTE = 2 ** 20;
/** What an export holds beside what the program itself takes, whatever the size of the model. */
const BOUND = 48 * MEGABYTE;

async function peak(model: string, out: string, type: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, model, out, type]);
  return Number(stdout);
}

/** A model of zeros, whose file is a hole: it takes no space on most disks, and is read like any other. */
async function writeZeros(folder: string, shape: Readonly<Record<string, number>>): Promise<number> {
  await writeTinyCheckpoint(folder);
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...TINY_CONFIG, ...shape }));
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensorShapes(shape)).map(([name, size]) => {
      const begin = end;
      end += 4 * size.reduce((product, length) => product * length, 1);
      return [name, { dtype: 'F32', shape: size, data_offsets: [begin, end] }];
    }),
  );
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.byteLength));
  const file = await open(path.join(folder, 'model.safetensors'), 'w');
  await file.write(Buffer.concat([length, text]));
  await file.truncate(8 + text.byteLength + end);
  await file.close();
  return end;
}

/** Names and shapes of a llama, grown from those of the tiny one. */
function tensorShapes(shape: Readonly<Record<string, number>>): Record<string, number[]> {
  const tiny = { ...TINY_CONFIG } as Readonly<Record<string, number>>;
  const grown = new Map<number, number>();
  for (const key of ['vocab_size', 'hidden_size', 'intermediate_size']) grown.set(tiny[key]!, shape[key]!);
  const keyValue = tiny['num_key_value_heads']! * tiny['head_dim']!;
  grown.set(keyValue, tiny['num_key_value_heads']! * shape['head_dim']!);
  const tensors = randomTensors(TINY_CONFIG);
  return Object.fromEntries(tensors.map(({ name, shape: size }) => [name, size.map((length) => grown.get(length)!)]));
}

it('an export holds a few MB of a model at a time', async () => {
  const folder = await temporaryFolder();
  const large = path.join(folder, 'large');
  await mkdir(large);
  const bytes = await writeZeros(large, {
    ...{ vocab_size: 32_000, hidden_size: 1024, intermediate_size: 4096, head_dim: 256 },
  });
  expect(bytes).toBeGreaterThan(7 * BOUND);
  const small = await peak(TINY, path.join(folder, 'small.gguf'), 'F16');
  const held = (await peak(large, path.join(folder, 'large.gguf'), 'F16')) - small;
  const written = (await stat(path.join(folder, 'large.gguf'))).size;
  const megabytes = (value: number) => Math.round(value / MEGABYTE);
  console.log(
    `${megabytes(bytes)} MB read, ${megabytes(written)} MB written, ${megabytes(held)} MB more than a small one`,
  );
  expect(written).toBeGreaterThan(3 * BOUND);
  expect(held).toBeLessThan(BOUND);
}, 30_000);
