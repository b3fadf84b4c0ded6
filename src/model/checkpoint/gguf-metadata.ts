import type { GgufValue } from '../types.js';
import type { HeaderCursor } from './header-cursor.js';

/** Real files have 20 to 60 keys. */
const MAX_KEYS = 65_536;
/** The GGUF specification: keys are at most 2^16 - 1 bytes. */
const MAX_KEY_BYTES = 65_535;
/** The longest real strings are chat templates, below 100 kB. */
const MAX_STRING_BYTES = 16 * 2 ** 20;
/** All arrays together. Vocabularies of 262,144 tokens with scores, types and merges stay below 1.5 million. */
const MAX_ARRAY_ELEMENTS = 16 * 2 ** 20;
/** No published key nests arrays at all; bounds the recursion. */
const MAX_ARRAY_DEPTH = 4;

const ARRAY = 9;

/** Value type id -> bytes in a file (at least) and reader. */
interface ValueType {
  readonly minBytes: number;
  readonly read: (cursor: HeaderCursor, where: string) => GgufValue;
}

const VALUE_TYPES: readonly (ValueType | undefined)[] = [
  { minBytes: 1, read: (c) => c.u8() },
  { minBytes: 1, read: (c) => c.i8() },
  { minBytes: 2, read: (c) => c.u16() },
  { minBytes: 2, read: (c) => c.i16() },
  { minBytes: 4, read: (c) => c.u32() },
  { minBytes: 4, read: (c) => c.i32() },
  { minBytes: 4, read: (c) => c.f32() },
  { minBytes: 1, read: readBoolean },
  { minBytes: 8, read: (c, where) => c.string(where, MAX_STRING_BYTES) },
  undefined, // array, below
  { minBytes: 8, read: (c) => c.u64() },
  { minBytes: 8, read: (c) => c.i64() },
  { minBytes: 8, read: (c) => c.f64() },
];

function readBoolean(cursor: HeaderCursor, where: string): boolean {
  const byte = cursor.u8();
  if (byte > 1) cursor.fail('a bool (0 or 1)', `${byte}`, where);
  return byte === 1;
}

/** The key-value section, which starts at the cursor and holds `count` pairs. `onEntry` is told where each lies in the file. */
export function readGgufMetadata(
  cursor: HeaderCursor,
  count: number,
  onEntry?: (key: string, begin: number, end: number) => void,
): Map<string, GgufValue> {
  if (count > MAX_KEYS) cursor.fail(`at most ${MAX_KEYS} metadata keys`, `${count}`);
  const budget = { elements: MAX_ARRAY_ELEMENTS };
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const begin = cursor.position;
    const key = cursor.string('metadata key', MAX_KEY_BYTES);
    if (metadata.has(key)) cursor.fail('each metadata key once', 'it twice', key);
    metadata.set(key, readValue(cursor, cursor.u32(), key, 0, budget));
    onEntry?.(key, begin, cursor.position);
  }
  return metadata;
}

function readValue(
  cursor: HeaderCursor,
  type: number,
  where: string,
  depth: number,
  budget: { elements: number },
): GgufValue {
  if (type !== ARRAY) return scalarType(cursor, type, where).read(cursor, where);
  if (depth === MAX_ARRAY_DEPTH) cursor.fail(`arrays nested at most ${MAX_ARRAY_DEPTH} deep`, 'one more', where);
  const elementType = cursor.u32();
  const count = cursor.length(`${where}: array length`, budget.elements);
  budget.elements -= count;
  // An array header is u32 type + u64 count.
  const minBytes = elementType === ARRAY ? 12 : scalarType(cursor, elementType, where).minBytes;
  if (count * minBytes > cursor.remaining)
    cursor.fail(`an array of ${count} that fits into the file`, `${cursor.remaining} bytes left`, where);
  const values = new Array<GgufValue>(count);
  if (elementType === ARRAY)
    for (let i = 0; i < count; i++) values[i] = readValue(cursor, ARRAY, where, depth + 1, budget);
  else {
    const { read } = scalarType(cursor, elementType, where);
    for (let i = 0; i < count; i++) values[i] = read(cursor, where);
  }
  return values;
}

function scalarType(cursor: HeaderCursor, type: number, where: string): ValueType {
  return VALUE_TYPES[type] ?? cursor.fail(`a value type (0 to ${VALUE_TYPES.length - 1})`, `${type}`, where);
}
