import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
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

async function statIfThere(file: string, what: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw fileError(file, what, error);
  }
}
