import fc from 'fast-check';

/** One change of a file, as data: a failing input shrinks to the fewest and smallest changes that still fail. */
type ByteMutation =
  | { readonly kind: 'byte'; readonly at: number; readonly value: number }
  | { readonly kind: 'integer'; readonly at: number; readonly width: 4 | 8; readonly value: bigint }
  | { readonly kind: 'float'; readonly at: number; readonly value: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'remove'; readonly at: number; readonly count: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: readonly number[] }
  | { readonly kind: 'repeat'; readonly at: number; readonly count: number; readonly times: number };

/** Where lengths, counts, offsets and types go wrong: small numbers, powers of two and their neighbours, and negatives. */
const HOSTILE_INTEGERS: readonly bigint[] = [
  ...Array.from({ length: 17 }, (_, i) => BigInt(i)),
  ...[7, 8, 15, 16, 20, 24, 30, 31, 32, 53, 62, 63, 64].flatMap((bits) => [
    2n ** BigInt(bits) - 1n,
    2n ** BigInt(bits),
  ]),
  2n ** 64n - 8n,
];
const HOSTILE_FLOATS = [0, -0, -1, 1e-45, 1e-30, 1e30, 3e38, Number.POSITIVE_INFINITY, Number.NaN];
/** Never valid in UTF-8, half of a character, an encoded surrogate, a byte-order mark, and NUL. */
const HOSTILE_BYTES = [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xef, 0xbb, 0xbf], [0], [0xf4, 0x90, 0x80, 0x80]];

const place = fc.nat(2 ** 31 - 1);
const integer = fc.oneof(fc.constantFrom(...HOSTILE_INTEGERS), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

const mutation: fc.Arbitrary<ByteMutation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('byte' as const), at: place, value: fc.nat(255) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('integer' as const),
      at: place,
      width: fc.constantFrom(4 as const, 8 as const),
      value: integer,
    }),
  },
  fc.record({ kind: fc.constant('float' as const), at: place, value: fc.constantFrom(...HOSTILE_FLOATS) }),
  fc.record({ kind: fc.constant('cut' as const), at: place }),
  fc.record({ kind: fc.constant('remove' as const), at: place, count: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: place, bytes: fc.constantFrom(...HOSTILE_BYTES) }),
  fc.record({
    kind: fc.constant('repeat' as const),
    at: place,
    count: fc.integer({ min: 1, max: 64 }),
    times: fc.integer({ min: 1, max: 64 }),
  }),
);

/**
 * `valid` with a few changes. Integers and floats land on multiples of 4, since both binary formats align most of theirs;
 * two of three changes fall on one of `fields` (positions of lengths, counts, types and offsets) where these are known.
 */
export function mutatedBytes(
  valid: Buffer,
  { fields = [], maxChanges = 4 }: { readonly fields?: readonly number[]; readonly maxChanges?: number } = {},
): fc.Arbitrary<Buffer> {
  const position = (at: number, aligned: boolean, size: number) => {
    const field = fields[Math.floor(at / 3) % Math.max(1, fields.length)];
    if (at % 3 !== 0 && field !== undefined && field < size) return field;
    const anywhere = Math.floor(at / 3) % Math.max(1, size);
    return aligned ? anywhere - (anywhere % 4) : anywhere;
  };
  return fc
    .array(mutation, { minLength: 1, maxLength: maxChanges })
    .map((changes) => changes.reduce((bytes, change) => apply(bytes, change, position), valid));
}

function apply(
  bytes: Buffer,
  change: ByteMutation,
  position: (at: number, aligned: boolean, size: number) => number,
): Buffer {
  const at = position(change.at, change.kind === 'integer' || change.kind === 'float', bytes.byteLength);
  switch (change.kind) {
    case 'byte':
      return overwrite(bytes, at, Buffer.of(change.value));
    case 'integer': {
      const written = Buffer.alloc(8);
      written.writeBigUInt64LE(BigInt.asUintN(64, change.value));
      return overwrite(bytes, at, written.subarray(0, change.width));
    }
    case 'float':
      return overwrite(bytes, at, Buffer.from(Float32Array.of(change.value).buffer));
    case 'cut':
      return bytes.subarray(0, at);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + change.count)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(change.bytes), bytes.subarray(at)]);
    case 'repeat': {
      const part = bytes.subarray(at, at + change.count);
      const copies = Array.from({ length: change.times }, () => part);
      return Buffer.concat([bytes.subarray(0, at), ...copies, bytes.subarray(at)]);
    }
  }
}

function overwrite(bytes: Buffer, at: number, written: Buffer): Buffer {
  const out = Buffer.from(bytes);
  written.copy(out, at);
  return out;
}
