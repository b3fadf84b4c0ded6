/** A metadata value with the type it has in the file. */
export type TypedValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly i32s: readonly number[] }
  | { readonly f32s: readonly number[] };

/** Key -> encoded entry, in file order. */
export type Entries = Map<string, Buffer>;

const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

export const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
export const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);

/** u64 byte length and UTF-8. */
export function lengthString(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([u64(bytes.byteLength), bytes]);
}

/** An entry as it stands in the file: key, value type, value. */
export function encodeEntry(key: string, value: TypedValue): Buffer {
  return Buffer.concat([lengthString(key), ...encodeValue(value)]);
}

function encodeValue(value: TypedValue): Buffer[] {
  if ('u32' in value) return [u32(TYPE.u32), u32(value.u32)];
  if ('f32' in value) return [u32(TYPE.f32), Buffer.from(Float32Array.of(value.f32).buffer)];
  if ('bool' in value) return [u32(TYPE.bool), Buffer.of(value.bool ? 1 : 0)];
  if ('string' in value) return [u32(TYPE.string), lengthString(value.string)];
  const array = (type: number, count: number) => [u32(TYPE.array), u32(type), u64(count)];
  if ('strings' in value) return [...array(TYPE.string, value.strings.length), ...value.strings.map(lengthString)];
  if ('i32s' in value) return [...array(TYPE.i32, value.i32s.length), Buffer.from(Int32Array.from(value.i32s).buffer)];
  return [...array(TYPE.f32, value.f32s.length), Buffer.from(Float32Array.from(value.f32s).buffer)];
}

/** Adds the values that are given, under `prefix`. */
export function addEntries(
  entries: Entries,
  prefix: string,
  values: Readonly<Record<string, TypedValue | undefined>>,
): void {
  for (const [key, value] of Object.entries(values))
    if (value !== undefined) entries.set(prefix + key, encodeEntry(prefix + key, value));
}
