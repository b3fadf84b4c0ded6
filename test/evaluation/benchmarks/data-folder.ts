import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { temporaryFolder } from '../../helpers/temporary-folder.js';

/** Writes files (relative path -> content) into a new folder. */
export async function dataFolder(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return folder;
}

export const lines = (rows: readonly unknown[]) => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;

export function arcRow(id: string, changes: object = {}): object {
  const choices = ['the sea', 'a whale', 'the captain', 'rope'].map((text, i) => ({ text, label: 'ABCD'[i] }));
  return { id, question: { stem: `What is number ${id}?`, choices }, answerKey: 'B', ...changes };
}

export function hellaswagRow(number: number, changes: object = {}): object {
  return {
    activity_label: 'Sailing',
    ctx_a: `Sailor ${number} stands on deck.`,
    ctx_b: 'the SAILOR',
    endings: ['sings a song.', 'falls asleep.', 'jumps [into] the sea.', 'eats  his hat.'],
    label: '2',
    ...changes,
  };
}

export const truthfulRow = (number: number, changes: object = {}): object => ({
  question: `Is ${number} a number?`,
  mc1_targets: { 'Yes.': 1, 'No.': 0 },
  mc2_targets: { 'Yes.': 1, 'It is.': 1, 'No.': 0 },
  ...changes,
});

export const range = (count: number) => Array.from({ length: count }, (_, index) => index);
