import { type Problem, UserError } from '../../errors.js';
import { describeValue } from '../describe.js';
import type { StoredTensor, TensorDtype } from '../types.js';
import { isObject, type OpenFile, parseJsonObject, readExactly, truncated } from './file.js';
import { elementCount } from './layouts.js';

/** The limit of the reference implementation (safetensors, MAX_HEADER_SIZE); keeps a damaged length from being allocated. */
const MAX_HEADER_BYTES = 100_000_000;
/** Real tensors have at most five dimensions; a longer list can only be there to make the size overflow slowly. */
const MAX_RANK = 8;

/** Bytes per element of every dtype of the format. The project computes with the first three. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  F64: 8,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};
const READABLE: ReadonlySet<string> = new Set<TensorDtype>(['F32', 'F16', 'BF16']);

export interface SafetensorsHeader {
  readonly tensors: readonly StoredTensor[];
  /** Tensors of other dtypes: name -> dtype. */
  readonly unreadable: ReadonlyMap<string, string>;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads and checks the header of one safetensors file: u64 length, JSON, data without holes or overlaps to the end of the
 * file. Throws one `UserError` with everything that is wrong.
 */
export async function readSafetensorsHeader(file: OpenFile): Promise<SafetensorsHeader> {
  if (file.size < 8) throw truncated(file.path, 8, file.size);
  const lengthBytes = Buffer.alloc(8);
  await readExactly(file, lengthBytes, 0);
  const length = Number(lengthBytes.readBigUInt64LE(0));
  if (length > MAX_HEADER_BYTES || length < 2)
    throw new UserError('input', {
      where: file.path,
      expected: `a safetensors file (header length between 2 and ${MAX_HEADER_BYTES})`,
      found: `header length ${length}`,
    });
  if (8 + length > file.size) throw truncated(file.path, 8 + length, file.size);
  const json = Buffer.alloc(length);
  await readExactly(file, json, 8);
  if (json[0] !== 0x7b)
    throw new UserError('input', {
      where: file.path,
      expected: 'a header that starts with {',
      found: `byte ${json[0]}`,
    });

  const problems: Problem[] = [];
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(parseJsonObject(json, `${file.path}: header`))) {
    if (name === '__metadata__') continue;
    const entry = parseEntry(file, name, value);
    if ('expected' in entry) problems.push(entry);
    else entries.push(entry);
  }
  if (problems.length === 0) problems.push(...layoutProblems(file, entries, file.size - 8 - length));
  if (problems.length > 0) throw new UserError('input', problems);

  const readable = entries.filter(({ dtype }) => READABLE.has(dtype));
  return {
    tensors: readable.map(({ name, dtype, shape, begin, end }) => ({
      name,
      dtype: dtype as TensorDtype,
      shape,
      file: file.path,
      offset: 8 + length + begin,
      byteLength: end - begin,
    })),
    unreadable: new Map(entries.filter(({ dtype }) => !READABLE.has(dtype)).map(({ name, dtype }) => [name, dtype])),
  };
}

function parseEntry(file: OpenFile, name: string, value: unknown): Entry | Problem {
  const where = `${file.path}: ${name}`;
  if (!isObject(value)) return { where, expected: '{dtype, shape, data_offsets}', found: describeValue(value) };
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') return { where, expected: 'a dtype', found: describeValue(dtype) };
  if (!isSizeList(shape) || shape.length > MAX_RANK)
    return { where, expected: `a shape of at most ${MAX_RANK} sizes`, found: describeValue(shape) };
  if (!isSizeList(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
    return { where, expected: 'data_offsets [begin, end]', found: describeValue(offsets) };
  const [begin, end] = offsets as [number, number];
  const elementBytes = ELEMENT_BYTES[dtype];
  const count = elementCount(shape);
  // A dtype that is newer than this table has an unknown size: only its range can be checked.
  if (elementBytes !== undefined && (count === null || count * elementBytes !== end - begin))
    return {
      where,
      expected: `${dtype} [${shape}] in ${end - begin} bytes`,
      found: `a shape that needs ${count === null ? 'far more' : count * elementBytes}`,
    };
  return { name, dtype, shape, begin, end };
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function layoutProblems(file: OpenFile, entries: readonly Entry[], dataBytes: number): Problem[] {
  const problems: Problem[] = [];
  let position = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const where = `${file.path}: ${name}`;
    if (begin < position)
      problems.push({
        where,
        expected: `data from byte ${position} on`,
        found: `byte ${begin}, which overlaps another tensor`,
      });
    if (begin > position)
      problems.push({ where, expected: `data from byte ${position} on`, found: `byte ${begin}, which leaves a hole` });
    position = Math.max(position, end);
  }
  if (position > dataBytes)
    problems.push(...truncated(file.path, file.size - dataBytes + position, file.size).problems);
  if (position < dataBytes)
    problems.push({ where: file.path, expected: `${position} bytes of tensor data`, found: `${dataBytes}` });
  return problems;
}

/**
 * The header of a file that holds `tensors` in this order without gaps, padded so that the data start at a multiple of
 * 64 bytes (a cache line, and what vectorised kernels like best in a mapped file).
 */
export function encodeSafetensorsHeader(
  tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly byteLength: number;
  }[],
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let position = 0;
  for (const { name, dtype, shape, byteLength } of tensors) {
    header[name] = { dtype, shape, data_offsets: [position, position + byteLength] };
    position += byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Math.ceil((8 + json.byteLength) / 64) * 64 - 8;
  const out = Buffer.alloc(8 + padded, ' ');
  out.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(out, 8);
  return out;
}
