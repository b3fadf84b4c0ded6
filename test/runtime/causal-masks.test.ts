import { expect, it } from 'vitest';
import { Buffers } from '../../src/runtime/buffers.js';
import { causalMasks } from '../../src/runtime/gradient/causal-masks.js';

const GROUP = 2;

it.each([null, 5, 40])('hides what is behind, and what is out of the window of %s', (window) => {
  const masks = causalMasks(GROUP, new Buffers());
  for (const [queries, keys] of [
    [4, 30],
    [4, 4],
    [2, 30],
  ] as const) {
    const mask = masks(queries, keys, { window, mostKeys: 30 });
    const expected = Array.from({ length: queries * GROUP }, (_, row) => {
      const position = keys - queries + Math.floor(row / GROUP);
      return Array.from({ length: keys }, (__, key) =>
        key > position || key <= position - (window ?? Number.POSITIVE_INFINITY) ? Number.NEGATIVE_INFINITY : 0,
      );
    });
    expect(mask.dims).toEqual([1, queries * GROUP, keys]);
    expect([...mask.data]).toEqual(expected.flat());
  }
});

it('takes the memory of one mask for all blocks of a sequence, while a window fills up and afterwards', () => {
  const [block, window, length] = [16, 100, 512];
  const masks = causalMasks(GROUP, new Buffers());
  const memory = new Set<ArrayBufferLike>();
  let most = 0;
  for (let to = block; to <= length; to += block) {
    const { data } = masks(block, Math.min(to, window - 1 + block), { window, mostKeys: window - 1 + block });
    memory.add((data as Float32Array).buffer);
    most = Math.max(most, data.length);
  }
  expect(memory.size).toBe(1);
  expect([...memory][0]?.byteLength).toBe(4 * most);
});
