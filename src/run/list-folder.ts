import { readdir } from 'node:fs/promises';
import { fileError } from './file-error.js';

/** The names in a folder of the user's; `UserError` where it cannot be read. */
export async function listFolder(folder: string, expected: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw fileError(folder, expected, error);
  }
}
