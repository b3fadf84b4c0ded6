import type { Buffers } from '../buffers.js';
import type { Tensor } from '../session.js';

export interface Reach {
  readonly window: number | null;
  /** Of all blocks to come: memory that grew with them would leave what it outgrew behind. */
  readonly mostKeys: number;
}

/**
 * The mask of the last `queries` of `keys` positions, a row for each query and head that shares keys: it sees itself and what is
 * before, up to the window. It holds until another one is asked for: with a window longer than a block every block until the window is full
 * has keys of its own, and all their masks together grow with the square of its length.
 */
export function causalMasks(group: number, buffers: Buffers) {
  let made: { readonly name: string; readonly mask: Tensor } | undefined;
  return (queries: number, keys: number, { window, mostKeys }: Reach): Tensor => {
    const name = `${queries}/${keys}/${window}`;
    if (made?.name === name) return made.mask;
    const size = queries * group * keys;
    const data = buffers
      .get('mask', Math.max(size, queries * group * mostKeys))
      .subarray(0, size)
      .fill(0);
    for (let row = 0; row < queries * group; row++) {
      const last = keys - queries + Math.floor(row / group);
      const first = window === null ? 0 : Math.max(0, last - window + 1);
      data.fill(Number.NEGATIVE_INFINITY, row * keys, row * keys + first);
      data.fill(Number.NEGATIVE_INFINITY, row * keys + last + 1, (row + 1) * keys);
    }
    made = { name, mask: { type: 'float32', data, dims: [1, queries * group, keys] } };
    return made.mask;
  };
}
