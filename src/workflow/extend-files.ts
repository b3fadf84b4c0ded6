import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ggufNames } from '../model/checkpoint/gguf-names.js';
import { hasSafetensors, weightFiles } from '../model/checkpoint/safetensors.js';
import { errnoOf, fileError } from '../run/index.js';

/** The files of a model folder within a stage's folder, as paths below that. */
export async function modelFiles(stageFolder: string, name: string): Promise<string[]> {
  const folder = path.join(stageFolder, name);
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError(folder, 'a folder that can be read', error);
  });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => `${name}/${entry.name}`);
}

/** `what`: what is looked for there. */
export async function exists(file: string, what: string): Promise<boolean> {
  return (await statIfThere(file, what)) !== null;
}

export async function isFolder(file: string, what: string): Promise<boolean> {
  return (await statIfThere(file, what))?.isDirectory() === true;
}

/** Whether there are weights: a GGUF file, or a folder with such or with safetensors. One that lost some of them has none. */
export async function holdsModel(file: string): Promise<boolean> {
  if (!(await isFolder(file, 'a model'))) return exists(file, 'a model');
  const names = await readdir(file).catch((error: unknown) => {
    throw fileError(file, 'a folder that can be read', error);
  });
  if (!hasSafetensors(names)) return ggufNames(names).length > 0;
  // An index alone is what is left where the large files were taken away.
  return (await weightFiles(file)).every((weights) => names.includes(weights));
}

async function statIfThere(file: string, what: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw fileError(file, what, error);
  }
}
