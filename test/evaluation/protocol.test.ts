import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Protocol, windowsOf } from '../../src/evaluation/index.js';

const text = (length: number) => [{ id: 'text', ids: Int32Array.from({ length }, (_, i) => 100 + i) }];

describe('document', () => {
  it('takes the first tokens, BOS included in the length', () => {
    expect(windowsOf({ name: 'document', length: 4 }, text(10), 1)).toEqual([
      { document: 0, ids: Int32Array.of(1, 100, 101, 102), scoreFrom: 1, tokens: 3 },
    ]);
  });

  it('takes windows that are longer than an argument list may be', () => {
    const [window] = windowsOf({ name: 'document', length: 2_000_000 }, text(2_000_000), 1);
    expect(window).toMatchObject({ scoreFrom: 1, tokens: 1_999_999 });
    expect([...window!.ids.slice(0, 2), window!.ids.at(-1)]).toEqual([1, 100, 100 + 1_999_998]);
  });

  it('refuses short documents, all at once', () => {
    const documents = [...text(3), { id: 'other', ids: new Int32Array(2) }, { id: 'long', ids: new Int32Array(9) }];
    expect(() => windowsOf({ name: 'document', length: 8 }, documents, 1)).toThrow(
      /document text: expected at least 7 tokens .* found 3[\s\S]*document other: .* found 2/,
    );
  });
});

describe('released', () => {
  const released = (length: number, stride: number, truncate = false): Protocol => ({
    name: 'released',
    length,
    stride,
    truncate,
  });

  /** The released loop, line by line in its own variables. */
  function reference(tokens: number, length: number, stride: number, truncate: boolean) {
    const maxTokenized = length - 1;
    const labels = truncate ? Math.min(tokens, maxTokenized) : tokens;
    const step = truncate ? maxTokenized : stride;
    const seqLen = Math.min(labels, 10 * step);
    const windows: { begin: number; inputs: number; scored: number }[] = [];
    let previousEnd = 0;
    for (let begin = 0; begin < seqLen; begin += step) {
      const end = Math.min(begin + maxTokenized, seqLen);
      // A label slice that begins before the window leaves all of it.
      windows.push({ begin, inputs: end - begin + 1, scored: Math.min(end - begin, end - previousEnd) });
      previousEnd = end;
      if (end === seqLen) break;
    }
    return windows;
  }

  it('cuts windows as the released loop does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 64, max: 4000 }),
        fc.integer({ min: 2, max: 64 }),
        fc.integer({ min: 1, max: 100 }),
        fc.boolean(),
        (tokens, length, stride, truncate) => {
          const windows = windowsOf(released(length, stride, truncate), text(tokens), 1);
          expect(
            windows.map(({ ids, tokens: scored }) => ({ begin: (ids[1] as number) - 100, inputs: ids.length, scored })),
          ).toEqual(reference(tokens, length, stride, truncate));
        },
      ),
    );
  });
});

describe('sliding', () => {
  it('refuses steps that leave tokens between windows', () => {
    const windows = (stride: number, bos: number | null) =>
      windowsOf({ name: 'sliding', length: 256, stride, maxTokens: null }, text(5000), bos);
    expect(() => windows(256, 1)).toThrow(/--stride: expected at most 255,.* found 256/);
    expect(() => windows(257, null)).toThrow(/--stride: expected at most 256,.* found 257/);
  });

  it('leaves the first token of windows that only touch when there is no BOS', () => {
    const windows = windowsOf({ name: 'sliding', length: 256, stride: 256, maxTokens: null }, text(600), null);
    expect(windows.map(({ ids, tokens }) => [ids.length, tokens])).toEqual([
      [256, 255],
      [256, 255],
      [88, 87],
    ]);
  });

  it('scores every token once, with all the context that fits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 500 }),
        fc.integer({ min: 3, max: 40 }),
        fc.integer({ min: 1, max: 39 }),
        fc.boolean(),
        (tokens, length, step, bos) => {
          const stride = Math.min(step, length - 1);
          const windows = windowsOf({ name: 'sliding', length, stride, maxTokens: null }, text(tokens), bos ? 1 : null);
          const scored = windows.flatMap(({ ids, scoreFrom }) => [...ids.slice(scoreFrom)]);
          expect(scored).toEqual(Array.from({ length: tokens - (bos ? 0 : 1) }, (_, i) => 100 + i + (bos ? 0 : 1)));
          for (const window of windows) expect(window.ids.length).toBeLessThanOrEqual(length);
        },
      ),
    );
  });
});
