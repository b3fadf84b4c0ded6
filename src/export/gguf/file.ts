import { GGML_TYPE_IDS } from '../../model/checkpoint/gguf.js';
import type { TensorDtype } from '../../model/types.js';
import { replaceFile } from '../../run/index.js';
import { type Entries, lengthString, u32, u64 } from './entries.js';

/** The default of the format, and what every reader assumes without `general.alignment`. */
const ALIGNMENT = 32;

export interface GgufTensor {
  readonly name: string;
  readonly dtype: TensorDtype;
  /** Rows first; the file has them reversed. */
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Hands over exactly `byteLength` bytes, piece by piece. */
  readonly stream: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>;
}

const padding = (size: number) => Buffer.alloc((ALIGNMENT - (size % ALIGNMENT)) % ALIGNMENT);

/** Header, metadata and tensor table of a GGUF file of version 3, padded to where the data start. */
export function encodeGgufHeader(entries: Entries, tensors: readonly Omit<GgufTensor, 'stream'>[]): Buffer {
  const parts = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.size), ...entries.values()];
  let offset = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    parts.push(lengthString(name), u32(shape.length), ...shape.toReversed().map(u64));
    parts.push(u32(GGML_TYPE_IDS[dtype]), u64(offset));
    offset += byteLength + padding(byteLength).byteLength;
  }
  const header = Buffer.concat(parts);
  return Buffer.concat([header, padding(header.byteLength)]);
}

/** Writes the file in one pass; nothing is left at `path` when it fails. Returns its size. */
export async function writeGguf(
  path: string,
  entries: Entries,
  tensors: readonly GgufTensor[],
  onBytes: (bytes: number, name: string) => void,
): Promise<number> {
  const header = encodeGgufHeader(entries, tensors);
  let size = header.byteLength;
  await replaceFile(path, async (file) => {
    await file.writeFile(header);
    for (const { name, byteLength, stream } of tensors) {
      let written = 0;
      await stream(async (bytes) => {
        await file.writeFile(bytes);
        written += bytes.byteLength;
        onBytes(bytes.byteLength, name);
      });
      if (written !== byteLength) throw new Error(`${name}: ${written} bytes written, ${byteLength} announced`);
      const pad = padding(byteLength);
      await file.writeFile(pad);
      size += byteLength + pad.byteLength;
    }
  });
  return size;
}
