/** Bytes of a scalar of each GGUF value type; 8 (string) and 9 (array) have their own form. */
const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

/** Positions of every length, count, type, offset and scalar of an undamaged file, by a walk of its own. */
export function ggufFields(bytes: Buffer): number[] {
  const fields: number[] = [];
  let at = 4;
  const number = (width: 4 | 8) => {
    fields.push(at);
    at += width;
    return width === 4 ? bytes.readUInt32LE(at - 4) : Number(bytes.readBigUInt64LE(at - 8));
  };
  const string = () => {
    const length = number(8);
    at += length;
  };
  const value = (type: number): void => {
    if (type === 8) string();
    else if (type === 9) {
      const element = number(4);
      for (let left = number(8); left > 0; left--) value(element);
    } else {
      fields.push(at);
      at += SCALAR_BYTES[type] as number;
    }
  };
  number(4);
  const tensors = number(8);
  for (let left = number(8); left > 0; left--) {
    string();
    value(number(4));
  }
  for (let tensor = 0; tensor < tensors; tensor++) {
    string();
    for (let left = number(4); left > 0; left--) number(8);
    number(4);
    number(8);
  }
  return fields;
}
