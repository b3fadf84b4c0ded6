import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { encodeSafetensorsHeader } from '../../model/checkpoint/safetensors-header.js';
import type { FloatDtype, StoredTensor } from '../../model/types.js';
import type { RowOrder } from '../row-order.js';
import { encodedBytes, streamTensor } from '../stream-tensor.js';

export interface SafetensorsTensor {
  readonly name: string;
  readonly stored: StoredTensor;
  readonly order: RowOrder | null;
}

interface Shard {
  readonly tensors: readonly (SafetensorsTensor & { readonly byteLength: number })[];
  readonly bytes: number;
}

export interface WrittenFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Writes `model.safetensors`, or numbered shards of at most `maxShardBytes` (a larger tensor has one of its own) with
 * their index, tensor by tensor; memory does not grow with the model.
 */
export async function writeSafetensorsFiles(
  folder: string,
  tensors: readonly SafetensorsTensor[],
  options: {
    readonly dtype: FloatDtype;
    readonly maxShardBytes: number;
    readonly onBytes: (bytes: number, name: string) => void;
  },
): Promise<WrittenFile[]> {
  const shards = divide(tensors, options.dtype, options.maxShardBytes);
  const names = shards.map((_, i) => shardName(i, shards.length));
  const written: WrittenFile[] = [];
  for (const [i, shard] of shards.entries()) written.push(await writeShard(folder, names[i]!, shard, options));
  if (shards.length > 1) {
    const index = {
      metadata: { total_size: shards.reduce((sum, { bytes }) => sum + bytes, 0) },
      weight_map: Object.fromEntries(shards.flatMap(({ tensors }, i) => tensors.map(({ name }) => [name, names[i]]))),
    };
    const text = `${JSON.stringify(index, null, 2)}\n`;
    const name = 'model.safetensors.index.json';
    await withNewFile(path.join(folder, name), (file) => file.writeFile(text));
    written.push({ name, bytes: Buffer.byteLength(text) });
  }
  return written;
}

function divide(tensors: readonly SafetensorsTensor[], dtype: FloatDtype, maxBytes: number): Shard[] {
  const shards: { tensors: Shard['tensors'][number][]; bytes: number }[] = [{ tensors: [], bytes: 0 }];
  for (const tensor of tensors) {
    const byteLength = encodedBytes(tensor.stored.shape, dtype);
    let shard = shards.at(-1)!;
    if (shard.tensors.length > 0 && shard.bytes + byteLength > maxBytes) {
      shard = { tensors: [], bytes: 0 };
      shards.push(shard);
    }
    shard.tensors.push({ ...tensor, byteLength });
    shard.bytes += byteLength;
  }
  return shards;
}

function shardName(i: number, count: number): string {
  const digits = (n: number) => String(n).padStart(5, '0');
  return count === 1 ? 'model.safetensors' : `model-${digits(i + 1)}-of-${digits(count)}.safetensors`;
}

async function writeShard(
  folder: string,
  name: string,
  { tensors, bytes }: Shard,
  { dtype, onBytes }: { dtype: FloatDtype; onBytes: (bytes: number, name: string) => void },
): Promise<WrittenFile> {
  const header = encodeSafetensorsHeader(
    tensors.map((tensor) => ({ ...tensor, dtype, shape: tensor.stored.shape })),
    { format: 'pt' },
  );
  await withNewFile(path.join(folder, name), async (file) => {
    await file.writeFile(header);
    for (const { name: tensorName, stored, order } of tensors)
      await streamTensor(stored, { dtype, order }, async (piece) => {
        await file.writeFile(piece);
        onBytes(piece.byteLength, tensorName);
      });
  });
  return { name, bytes: header.byteLength + bytes };
}

async function withNewFile(file: string, fill: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await fill(handle);
  } finally {
    await handle.close();
  }
}
