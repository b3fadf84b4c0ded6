/** The ids of all parts, one after the other: however long a document is, its ids are never arguments of a call. */
export function concatenate(...parts: readonly ArrayLike<number>[]): Int32Array {
  const ids = new Int32Array(parts.reduce((total, { length }) => total + length, 0));
  let end = 0;
  for (const part of parts) {
    ids.set(part, end);
    end += part.length;
  }
  return ids;
}
