import { spawnSync } from 'node:child_process';
import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { temporaryName } from '../../src/run/temporary-name.js';
import { changeFileSystem } from './file-system.js';

/** Begins to write into the folder `target` and leaves it as a kill does before the `moves + 1`-th of its files is renamed. */
export async function killedAfter(moves: number, target: string, write: () => Promise<unknown>): Promise<void> {
  let left = moves;
  await new Promise<void>((reached, failed) => {
    changeFileSystem((files) => ({
      rename: async (from, to) => {
        if (left === 0) {
          reached();
          await new Promise(() => undefined);
        }
        left -= 1;
        await files.rename(from, to);
      },
    }));
    write().then(() => failed(new Error('it ended before')), failed);
  });
  left = Number.POSITIVE_INFINITY;
  const own = (await readdir(target)).find((name) => name.endsWith('.tmp'))!;
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  await rename(path.join(target, own), path.join(target, temporaryName(target, ended)));
}
