import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { resumeItems } from '../../src/run/index.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => {
      throw new Error('nothing was thrown');
    },
    (error: unknown) => error as Error,
  );

let path: string;
let evaluated: number[];
beforeEach(async () => {
  path = join(await temporaryFolder(), 'run');
  evaluated = [];
});

const items = [5, 3, 8, 1];
const request = {
  items,
  key: String,
  parallel: 2,
  // The later an item, the sooner it is done.
  evaluate: async (item: number) => {
    await sleep(item);
    evaluated.push(item);
    return item * item;
  },
};
const folder = () => ({ path, manifest: { squares: true } });

describe('independent items of a run', () => {
  test('come back in the order of the items, with or without a folder', async () => {
    expect(await resumeItems(null, request)).toEqual([25, 9, 64, 1]);
    expect(await resumeItems(folder(), request)).toEqual([25, 9, 64, 1]);
  });

  test('are evaluated once, however often the run is started, and finished each time', async () => {
    await resumeItems(folder(), request);
    evaluated = [];
    const results = await resumeItems(folder(), request, (found, file) =>
      writeFile(file('result.json'), JSON.stringify(found)),
    );
    expect([evaluated, results]).toEqual([[], [25, 9, 64, 1]]);
    expect(JSON.parse(await readFile(join(path, 'result.json'), 'utf8'))).toEqual(results);
  });

  test('those a cut journal no longer holds are evaluated again', async () => {
    await resumeItems(folder(), request);
    evaluated = [];
    const journal = join(path, 'journal.jsonl');
    await truncate(journal, (await readFile(journal)).length - 5);
    expect(await resumeItems(folder(), request)).toEqual([25, 9, 64, 1]);
    expect(evaluated).toHaveLength(1);
  });

  test('an abort keeps what is done', async () => {
    const controller = new AbortController();
    const reason = await rejection(
      resumeItems(folder(), {
        ...request,
        parallel: 1,
        signal: controller.signal,
        onProgress: (done) => done === 2 && controller.abort(new Error('enough')),
      }),
    );
    expect(reason.message).toBe('enough');
    expect(evaluated).toEqual([5, 3]);
    expect(await resumeItems(folder(), request)).toEqual([25, 9, 64, 1]);
    expect(evaluated).toHaveLength(4);
  });

  test('a failure stops the rest and is the error of the run; what is done stays', async () => {
    const failing = {
      ...request,
      parallel: 1,
      evaluate: async (item: number) => {
        if (item === 8) throw new Error('eight');
        return request.evaluate(item);
      },
    };
    expect((await rejection(resumeItems(folder(), failing))).message).toBe('eight');
    expect(evaluated).toEqual([5, 3]);
    await resumeItems(folder(), request);
    expect(evaluated.toSorted()).toEqual([1, 3, 5, 8]);
  });

  test('progress counts costs, those of resumed items included', async () => {
    await resumeItems(folder(), { ...request, items: [5, 3] });
    const seen: [number, number][] = [];
    await resumeItems(folder(), {
      ...request,
      parallel: 1,
      cost: (item) => item,
      onProgress: (done, total) => seen.push([done, total]),
    });
    expect(seen).toEqual([
      [16, 17],
      [17, 17],
    ]);
  });

  test('two items of one key are a bug', async () => {
    expect((await rejection(resumeItems(null, { ...request, items: [1, 1] }))).message).toContain('same key');
  });
});
