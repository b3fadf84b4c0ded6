import { open } from 'node:fs/promises';
import path from 'node:path';
import type { ExternalBytes } from '../../graph/index.js';

/** Bytes of an initialiser, written piece by piece. */
export interface DataPart {
  readonly name: string;
  readonly byteLength: number;
  write(sink: (bytes: Uint8Array) => Promise<void>): Promise<void>;
}

/** A page, so that a mapped file needs no copy. */
const ALIGNMENT = 4096;

/**
 * Writes the external data of a model beside it, `NAME_data`, `NAME_data_1` ... of at most `maxBytes` each (a larger part has a
 * file of its own), under the names by which transformers.js looks for them. Returns where every part lies, and the file names.
 */
export async function writeDataFiles(
  folder: string,
  modelName: string,
  parts: readonly DataPart[],
  { maxBytes, onBytes }: { readonly maxBytes: number; readonly onBytes: (bytes: number, name: string) => void },
): Promise<{ readonly placed: ReadonlyMap<string, ExternalBytes>; readonly files: readonly string[] }> {
  const placed = new Map<string, ExternalBytes>();
  const files: string[] = [];
  for (const group of divide(parts, maxBytes)) {
    const location = `${modelName}_data${files.length === 0 ? '' : `_${files.length}`}`;
    files.push(location);
    const handle = await open(path.join(folder, location), 'wx');
    try {
      let offset = 0;
      for (const { name, byteLength, write } of group) {
        const padding = aligned(offset) - offset;
        if (padding > 0) await handle.writeFile(new Uint8Array(padding));
        offset += padding;
        placed.set(name, { location, offset, byteLength });
        await write(async (bytes) => {
          await handle.writeFile(bytes);
          offset += bytes.byteLength;
          onBytes(bytes.byteLength, name);
        });
        if (offset !== placed.get(name)!.offset + byteLength) throw new Error(`${name}: another length than announced`);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  return { placed, files };
}

function divide(parts: readonly DataPart[], maxBytes: number): DataPart[][] {
  const groups: DataPart[][] = [[]];
  let bytes = 0;
  for (const part of parts) {
    if (bytes > 0 && aligned(bytes) + part.byteLength > maxBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(part);
    bytes = aligned(bytes) + part.byteLength;
  }
  return groups;
}

function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
