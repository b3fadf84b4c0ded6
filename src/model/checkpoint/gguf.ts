import { type Problem, UserError } from '../../errors.js';
import { describeValue } from '../describe.js';
import type { Checkpoint, GgufValue, StoredTensor, TensorDtype } from '../types.js';
import { type OpenFile, readExactly, truncated, withFile } from './file.js';
import { readGgufMetadata } from './gguf-metadata.js';
import { HeaderCursor } from './header-cursor.js';
import { BLOCK_LAYOUTS, elementCount } from './layouts.js';

/** "GGUF" read as a little-endian u32. */
const MAGIC = 0x46554747;
/** The largest published models have a few thousand tensors (experts are stacked). */
const MAX_TENSORS = 1_000_000;
/** GGML_MAX_DIMS. */
const MAX_RANK = 4;
/** GGML_MAX_NAME is 64; some forks write longer names. */
const MAX_NAME_BYTES = 1024;
const DEFAULT_ALIGNMENT = 32;

/** The ids of ggml.h. */
export const GGML_TYPE_IDS: Readonly<Record<TensorDtype, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  BF16: 30,
};

const READABLE: Readonly<Record<number, TensorDtype>> = Object.fromEntries(
  Object.entries(GGML_TYPE_IDS).map(([name, id]) => [id, name as TensorDtype]),
);

/** Names of the other types of ggml.h, for messages. */
const UNREADABLE: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
};

interface TensorInfo {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  /** From the start of the data section. */
  readonly offset: number;
}

/** Metadata and tensor table of a GGUF file (version 2 or 3, little-endian). Reads the header only. */
export async function openGguf(path: string): Promise<Extract<Checkpoint, { format: 'gguf' }>> {
  return withFile(path, async (file) => {
    const cursor = new HeaderCursor(file);
    checkVersion(cursor, file);
    const tensorCount = cursor.length('tensor count', MAX_TENSORS);
    const metadata = readGgufMetadata(cursor, cursor.length('metadata count', Number.MAX_SAFE_INTEGER));
    const infos: TensorInfo[] = [];
    for (let i = 0; i < tensorCount; i++) infos.push(readTensorInfo(cursor));

    const alignment = readAlignment(metadata, file);
    const dataStart = Math.ceil(cursor.position / alignment) * alignment;
    const tensors = locate(infos, dataStart, alignment, file);
    return {
      format: 'gguf',
      files: [file.path],
      tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      unreadable: new Map(
        infos
          .filter(({ type }) => READABLE[type] === undefined)
          .map(({ name, type }) => [name, UNREADABLE[type] ?? `ggml type ${type}`]),
      ),
      metadata,
    };
  });
}

/** Every metadata entry as the bytes it has in the file (key, value type, value): what an exact copy of it needs. */
export async function readGgufEntries(path: string): Promise<Map<string, Buffer>> {
  return withFile(path, async (file) => {
    const cursor = new HeaderCursor(file);
    checkVersion(cursor, file);
    cursor.length('tensor count', MAX_TENSORS);
    const spans = new Map<string, readonly [begin: number, end: number]>();
    readGgufMetadata(cursor, cursor.length('metadata count', Number.MAX_SAFE_INTEGER), (key, begin, end) =>
      spans.set(key, [begin, end]),
    );
    const entries = new Map<string, Buffer>();
    for (const [key, [begin, end]] of spans) {
      const bytes = Buffer.alloc(end - begin);
      await readExactly(file, bytes, begin);
      entries.set(key, bytes);
    }
    return entries;
  });
}

function checkVersion(cursor: HeaderCursor, file: OpenFile): void {
  if (cursor.u32() !== MAGIC) cursor.fail('a GGUF file (magic "GGUF")', 'other bytes');
  const version = cursor.u32();
  if (version === 2 || version === 3) return;
  const bigEndian = version === 0x02000000 || version === 0x03000000;
  throw new UserError('unsupported', {
    where: file.path,
    expected: 'GGUF version 2 or 3, little-endian',
    found: bigEndian ? 'a big-endian file' : `version ${version}`,
    fix: 'convert it with a current llama.cpp',
  });
}

function readTensorInfo(cursor: HeaderCursor): TensorInfo {
  const name = cursor.string('tensor name', MAX_NAME_BYTES);
  const rank = cursor.u32();
  if (rank > MAX_RANK) cursor.fail(`at most ${MAX_RANK} dimensions`, `${rank}`, name);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) shape.unshift(cursor.length(`${name}: dimension`, Number.MAX_SAFE_INTEGER));
  return { name, shape, type: cursor.u32(), offset: cursor.length(`${name}: offset`, Number.MAX_SAFE_INTEGER) };
}

function readAlignment(metadata: ReadonlyMap<string, GgufValue>, file: OpenFile): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  // Powers of two only, as ggml demands.
  if (typeof alignment === 'number' && Number.isInteger(Math.log2(alignment)) && alignment >= 1) return alignment;
  throw new UserError('input', {
    where: `${file.path}: general.alignment`,
    expected: 'a power of two',
    found: describeValue(alignment),
  });
}

/** Absolute positions of the readable tensors. Throws one `UserError` with every tensor that does not fit. */
function locate(infos: readonly TensorInfo[], dataStart: number, alignment: number, file: OpenFile): StoredTensor[] {
  const problems: Problem[] = [];
  const tensors: StoredTensor[] = [];
  const seen = new Set<string>();
  let needed = dataStart;
  for (const { name, type, shape, offset } of infos) {
    const where = `${file.path}: ${name}`;
    if (seen.has(name)) problems.push({ where, expected: 'each tensor once', found: 'it twice' });
    seen.add(name);
    if (offset % alignment !== 0)
      problems.push({ where, expected: `an offset that is a multiple of ${alignment}`, found: `${offset}` });
    const dtype = READABLE[type];
    if (dtype === undefined) {
      needed = Math.max(needed, dataStart + offset);
      continue;
    }
    const block = BLOCK_LAYOUTS[dtype];
    const count = elementCount(shape);
    if (count === null || (shape.at(-1) ?? 1) % block.length !== 0) {
      problems.push({ where, expected: `rows of whole blocks of ${block.length} weights`, found: `shape [${shape}]` });
      continue;
    }
    const byteLength = (count / block.length) * block.bytes;
    needed = Math.max(needed, dataStart + offset + byteLength);
    tensors.push({ name, dtype, shape, file: file.path, offset: dataStart + offset, byteLength });
  }
  // A truncated file would otherwise be reported once for every tensor after the cut.
  if (needed > file.size) problems.push(...truncated(file.path, needed, file.size).problems);
  let previous: StoredTensor | undefined;
  for (const tensor of [...tensors].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)) {
    if (previous !== undefined && tensor.offset < previous.offset + previous.byteLength)
      problems.push({
        where: `${file.path}: ${tensor.name}`,
        expected: 'data of its own',
        found: `bytes that belong to ${previous.name} too`,
      });
    previous = tensor;
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return tensors;
}
