import { type Data, DataType, type Vector } from 'apache-arrow';

/** Why the lists of a chunk cannot be read, or null: offsets must rise and stay inside the values. */
export function damagedLists({ length, offset, valueOffsets, children }: Data): string | null {
  if (length === 0) return null;
  const values = children[0];
  const offsets = valueOffsets as ArrayLike<number | bigint> | undefined;
  const stored = (values?.values as ArrayLike<unknown> | undefined)?.length ?? 0;
  if (values === undefined || offsets === undefined || offsets.length < offset + length + 1)
    return `${offsets?.length ?? 0} offsets of ${length} lists`;
  if (values.length > stored) return `${stored} values, where ${values.length} are announced`;
  let last = 0;
  for (let i = offset; i <= offset + length; i++) {
    const at = Number(offsets[i]);
    if (at < last || at > values.length)
      return `a list that begins or ends at ${at}, after ${last} of ${values.length}`;
    last = at;
  }
  return null;
}

export function isListOfIntegers(type: DataType): boolean {
  return (DataType.isList(type) || DataType.isLargeList(type)) && DataType.isInt(type.children[0]?.type);
}

/** The ids of one list, or what stands where an id is expected. */
export function tokenIds(values: Vector | null): Int32Array | string {
  if (values === null || values.nullCount > 0) return values === null ? 'null' : 'null values';
  const raw = values.toArray() as Int32Array | ArrayLike<number | bigint>;
  // A copy, since the column belongs to a whole batch of documents.
  const ids =
    raw instanceof Int32Array ? raw.slice() : Int32Array.from({ length: raw.length }, (_, i) => Number(raw[i]));
  for (let i = 0; i < ids.length; i++) {
    // Wider values that wrapped come back different.
    if (ids[i]! < 0 || Number(raw[i]) !== ids[i]) return String(raw[i]);
  }
  return ids;
}
