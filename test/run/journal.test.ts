import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { canonicalJson, Journal, type Json, parseJournal } from '../../src/run/index.js';

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'longrope-journal-')), 'journal.jsonl');
});

async function write(...batches: Json[][]): Promise<void> {
  const journal = await Journal.open(path);
  for (const batch of batches) await journal.append(batch);
  await journal.close();
}

async function read(): Promise<readonly Json[]> {
  const journal = await Journal.open(path);
  await journal.close();
  return journal.entries;
}

const entries: Json[] = [{ a: 1 }, { b: [1.5, null] }, { c: 'x\ny' }, { d: 0.1 + 0.2 }];

describe('journal', () => {
  test('gives back what was appended, over several sessions', async () => {
    await write(entries.slice(0, 1), entries.slice(1, 3));
    expect(await read()).toEqual(entries.slice(0, 3));
    await write(entries.slice(3));
    expect(await read()).toEqual(entries);
  });

  test('its bytes do not depend on batches and sessions', async () => {
    await write(entries);
    const together = await readFile(path);
    await writeFile(path, '');
    for (const entry of entries) await write([entry]);
    expect(await readFile(path)).toEqual(together);
  });

  test('numbers come back bit for bit', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        // JSON has no negative zero.
        expect(JSON.parse(canonicalJson(value))).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test('cut at any byte, it keeps the whole lines and can be continued to the same bytes', async () => {
    await write(entries);
    const whole = await readFile(path);
    for (let length = 0; length <= whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const kept = await read();
      const lines = whole.subarray(0, length).toString('latin1').split('\n').length - 1;
      expect(kept).toEqual(entries.slice(0, lines));
      await write(entries.slice(lines));
      expect(await readFile(path)).toEqual(whole);
    }
  });

  test('zeros after a power cut count as half-written', async () => {
    await write(entries.slice(0, 2));
    await appendFile(path, Buffer.alloc(100));
    expect(await read()).toEqual(entries.slice(0, 2));
  });

  test('any changed byte before the last line is refused, and the file is left alone', async () => {
    await write(entries);
    const whole = await readFile(path);
    const lastLine = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    // Without the newline before it, the last line begins one line earlier.
    for (let at = 0; at < lastLine - 1; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ 1;
      await writeFile(path, damaged);
      await expect(Journal.open(path)).rejects.toThrow(UserError);
      expect(await readFile(path)).toEqual(damaged);
    }
  });

  test('a missing or moved line is refused', async () => {
    await write(entries);
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n') as [string, string, string, string];
    for (const order of [
      [0, 2, 3],
      [1, 2, 3],
      [0, 2, 1, 3],
    ] as const) {
      const text = order.map((i) => `${lines[i]}\n`).join('');
      expect(() => parseJournal(path, Buffer.from(text))).toThrow(
        /line \d+: expected a journal line whose checksum is right/,
      );
    }
  });

  test('refuses numbers that JSON does not have', async () => {
    const journal = await Journal.open(path);
    await expect(journal.append([{ loss: Number.NaN }])).rejects.toThrow('NaN cannot be written');
    await journal.close();
    expect(await readFile(path, 'utf8')).toBe('');
  });
});
