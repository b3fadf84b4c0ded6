import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDataset, type TokenDocument, writeDataset } from '../../src/corpus/index.js';
import { killedAfter } from '../helpers/killed-moves.js';

const fixtures = path.resolve(import.meta.dirname, '../oracle/tokenizer-datasets');
const origin = { tokenizerHash: 'abc' };
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'longrope-dataset-'));
});
afterEach(async () => rm(folder, { recursive: true }));

async function* each(documents: readonly TokenDocument[]): AsyncGenerator<TokenDocument> {
  yield* documents;
}
const document = (id: string, ids: readonly number[]): TokenDocument => ({ id, ids: Int32Array.from(ids) });
const rows = [[1, 2, 3], [4095], Array.from({ length: 300 }, (_, i) => i)];

describe('data sets of Python datasets', () => {
  it.each(['int32', 'int64', 'large'])('%s', async (name) => {
    expect(await readDataset(path.join(fixtures, name))).toEqual({
      documents: rows.map((ids, i) => document(`${name}:${i}`, ids)),
      origin: null,
    });
  });

  it('with names and several files', async () => {
    const expected = rows.map((ids, i) => document(['x', 'y', 'z'][i]!, ids));
    expect((await readDataset(path.join(fixtures, 'named'))).documents).toEqual(expected);
    expect((await readDataset(path.join(fixtures, 'splits/test'))).documents).toEqual(expected);
    expect((await readDataset(path.join(fixtures, 'selected'))).documents).toEqual([expected[2], expected[0]]);
  });

  it('are refused with a reason when they are several or hold no tokens', async () => {
    await expect(readDataset(path.join(fixtures, 'splits'))).rejects.toThrow(
      /the splits train, test; name one of them/,
    );
    await expect(readDataset(path.join(fixtures, 'text'))).rejects.toThrow(
      /a column input_ids .* the columns text \(Utf8\)/,
    );
    await expect(readDataset(folder)).rejects.toThrow(/state\.json.*no such file/);
  });

  it('are refused when cut off anywhere', async () => {
    const file = path.join(folder, 'int32/data-00000-of-00001.arrow');
    for (const bytes of [0, 7, 500, 1000, 1952, 1959]) {
      await cp(path.join(fixtures, 'int32'), path.join(folder, 'int32'), { recursive: true });
      await truncate(file, bytes);
      await expect(readDataset(path.join(folder, 'int32')), `${bytes}`).rejects.toThrow(/end mark/);
    }
  });
});

describe('data sets of our own', () => {
  it('come back as they were written', async () => {
    const token = fc.integer({ min: 0, max: 2 ** 31 - 1 });
    const documents = fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.array(token)), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(documents, async (made) => {
        const written = made.map(([id, ids]) => document(id, ids));
        const target = path.join(folder, 'set');
        const count = await writeDataset(target, each(written), origin);
        expect(count).toEqual({ documents: made.length, tokens: made.reduce((sum, [, ids]) => sum + ids.length, 0) });
        expect(await readDataset(target)).toEqual({ documents: written, origin });
      }),
      { numRuns: 30 },
    );
  });

  it('span record batches', async () => {
    const written = Array.from({ length: 2500 }, (_, i) => document(`${i}`, [i, i + 1]));
    const large = document(
      'large',
      Array.from({ length: 2 ** 20 + 5 }, (_, i) => i),
    );
    await writeDataset(path.join(folder, 'set'), each([...written, large, large]), origin);
    const { documents } = await readDataset(path.join(folder, 'set'));
    expect(documents.length).toBe(2502);
    expect(documents.slice(0, 2500)).toEqual(written);
    expect(Buffer.from(documents[2501]!.ids.buffer).equals(Buffer.from(large.ids.buffer))).toBe(true);
  });

  it('leave nothing behind when their documents fail, and keep what was there', async () => {
    const target = path.join(folder, 'set');
    await writeDataset(target, each([document('old', [1])]), origin);
    async function* failing(): AsyncGenerator<TokenDocument> {
      yield document('new', [2]);
      throw new Error('no more');
    }
    await expect(writeDataset(target, failing(), origin)).rejects.toThrow('no more');
    expect(await readdir(folder)).toEqual(['set']);
    expect((await readDataset(target)).documents).toEqual([document('old', [1])]);
  });

  it('are replaced where a writer was killed, also those that had no origin', async () => {
    const target = path.join(folder, 'set');
    await writeDataset(target, each([document('old', [1])]), origin);
    await rm(path.join(target, 'longrope.json'));
    await killedAfter(1, target, () => writeDataset(target, each([document('new', [2])]), origin));
    expect((await readdir(target)).filter((name) => /^(state|longrope)\.json$/.test(name))).toEqual([]);
    await writeDataset(target, each([document('next', [3])]), origin);
    expect((await readDataset(target)).documents).toEqual([document('next', [3])]);
    expect((await readdir(target)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('do not replace anything but a data set', async () => {
    const target = path.join(folder, 'thesis');
    await mkdir(target);
    await writeFile(path.join(target, 'chapter.tex'), 'text');
    await expect(writeDataset(target, each([document('a', [1])]), origin)).rejects.toThrow(
      /a folder with chapter\.tex/,
    );
    expect(await readFile(path.join(target, 'chapter.tex'), 'utf8')).toBe('text');
    await writeDataset(path.join(folder, 'set'), each([document('a', [1])]), origin);
    await writeFile(path.join(folder, 'set/notes.txt'), 'mine');
    await expect(writeDataset(path.join(folder, 'set'), each([]), origin)).rejects.toThrow(/a folder with notes\.txt/);
    await expect(writeDataset(path.join(target, 'chapter.tex'), each([]), origin)).rejects.toThrow(/found a file/);
  });
});
