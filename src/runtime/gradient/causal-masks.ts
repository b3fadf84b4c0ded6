import type { Tensor } from '../session.js';

/**
 * The mask of the last `queries` of `keys` positions, a row for each query and head that shares keys: it sees itself and what is
 * before, up to the window. Blocks of one size share theirs.
 */
export function causalMasks(group: number, window: number | null) {
  const made = new Map<string, Tensor>();
  return (queries: number, keys: number): Tensor => {
    const name = `${queries}/${keys}`;
    const known = made.get(name);
    if (known) return known;
    const data = new Float32Array(queries * group * keys);
    for (let row = 0; row < queries * group; row++) {
      const last = keys - queries + Math.floor(row / group);
      const first = window === null ? 0 : Math.max(0, last - window + 1);
      data.fill(Number.NEGATIVE_INFINITY, row * keys, row * keys + first);
      data.fill(Number.NEGATIVE_INFINITY, row * keys + last + 1, (row + 1) * keys);
    }
    const mask: Tensor = { type: 'float32', data, dims: [1, queries * group, keys] };
    made.set(name, mask);
    return mask;
  };
}
