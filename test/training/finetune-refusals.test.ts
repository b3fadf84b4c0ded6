import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { FINETUNE_DEFAULTS } from '../../src/training/defaults.js';
import { type FinetuneJob, finetune } from '../../src/workflow/finetune.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { tinyConfig } from '../helpers/tiny-architectures.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

function jobOf(folder: string, changes: Partial<FinetuneJob> & Pick<FinetuneJob, 'model' | 'texts'>): FinetuneJob {
  return {
    ...FINETUNE_DEFAULTS,
    ...{ heldOut: [], rope: 'yarn:2', maxSteps: 1, maxSeqLength: 64 },
    ...{ out: path.join(folder, 'run'), threads: 1, command: 'test' },
    ...changes,
  };
}

it('a family without gradients is refused before anything but its config is read', async () => {
  const folder = await temporaryFolder();
  const model = path.join(folder, 'mixtral');
  await writeTinyCheckpoint(model, { config: tinyConfig('mixtral') });
  const error = await rejection(finetune(jobOf(folder, { model, texts: [path.join(folder, 'no such text')] })));
  expect(error.kind).toBe('unsupported');
  expect(error.message).toContain('gradients of a mixtral model: expected layers of one kind');
  expect(await readdir(folder)).toEqual(['mixtral']);
});

it('an interrupt is heard before anything is trained', async () => {
  const folder = await temporaryFolder();
  const text = path.join(folder, 'book.txt');
  await writeFile(text, 'Call me Ishmael. Some years ago I went to sea. '.repeat(20));
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(finetune(jobOf(folder, { model: TINY, texts: [text], signal }))).rejects.toThrow('stop');
  expect(await readdir(folder)).toEqual(['book.txt']);
});
