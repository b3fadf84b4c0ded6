import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findTextInputs, type ReadOptions, readTextDocuments, type TextDocument } from '../../src/corpus/index.js';
import { UserError } from '../../src/errors.js';

const fixtures = path.resolve(import.meta.dirname, '../oracle/tokenizer-datasets');
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'longrope-readers-'));
});
afterEach(async () => rm(folder, { recursive: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const target = path.join(folder, name);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, content);
  return target;
}

async function read(target: string, options?: ReadOptions): Promise<TextDocument[]> {
  const out: TextDocument[] = [];
  for await (const document of readTextDocuments(target, options)) out.push(document);
  return out;
}

async function problemsOf(reading: Promise<unknown>): Promise<string[]> {
  const error: unknown = await reading.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).problems.map(
    ({ where, expected, found }) => `${path.basename(where)}: ${expected}: ${found}`,
  );
}

describe('text files', () => {
  it('are no pipes', async () => {
    const pipe = path.join(folder, 'pipe.txt');
    execFileSync('mkfifo', [pipe]);
    await expect(findTextInputs(pipe)).rejects.toThrow(/pipe.txt: expected a file or a folder, found a pipe/);
  });

  it('are one document each, without byte order mark, line ends untouched', async () => {
    const target = await file('3608.txt', '\ufeffa\r\nb\u00e9');
    expect(await read(target)).toEqual([{ id: '3608.txt', text: 'a\r\nb\u00e9' }]);
  });

  it('skip characters as Python counts them', async () => {
    const target = await file('a.txt', '\u{1f600}\u{1f601}xyz');
    expect(await read(target, { skipCharacters: 3 })).toEqual([{ id: 'a.txt', text: 'yz' }]);
    expect(await problemsOf(read(target, { skipCharacters: 5 }))).toEqual([
      'a.txt: more than the 5 characters to skip: 5 characters',
    ]);
  });

  it('must be UTF-8, with the line told', async () => {
    const target = await file('a.txt', Buffer.from([0x61, 0x0a, 0x62, 0x0a, 0xff, 0x0a]));
    expect(await problemsOf(read(target))).toEqual(['a.txt:3: UTF-8 text: bytes that are not UTF-8']);
  });

  it('must not be empty, missing, or of a structured kind', async () => {
    expect(await problemsOf(read(await file('e.txt', '')))).toEqual(['e.txt: text: an empty document']);
    expect(await problemsOf(read(path.join(folder, 'none.txt')))).toHaveLength(1);
    expect(await problemsOf(read(await file('a.json', '[]')))).toEqual(['a.json: plain text, JSONL or Parquet: .json']);
  });
});

describe('folders', () => {
  it('are read to any depth in the order of their paths; other files are listed', async () => {
    await file('b.txt', 'B');
    await file('a/z.md', 'Z');
    await file('a/c.jsonl', '{"text":"C"}\n');
    await file('a/picture.png', 'x');
    await file('.DS_Store', 'x');
    expect(await read(folder)).toEqual([
      { id: 'a/c.jsonl:1', text: 'C' },
      { id: 'a/z.md', text: 'Z' },
      { id: 'b.txt', text: 'B' },
    ]);
    expect((await findTextInputs(folder)).skipped).toEqual(['.DS_Store', 'a/picture.png']);
  });

  it('must hold a text', async () => {
    await file('x.png', 'x');
    expect((await problemsOf(read(folder)))[0]).toMatch(/only 1 others \(x\.png\)$/);
  });
});

describe('JSONL', () => {
  it('names documents by line and does not count on a last newline', async () => {
    const target = await file('t.jsonl', '{"text":"a"}\r\n\n{"text":"\\ud83d\\ude00","n":1}');
    expect(await read(target)).toEqual([
      { id: 't.jsonl:1', text: 'a' },
      { id: 't.jsonl:3', text: '\u{1f600}' },
    ]);
  });

  it('keeps characters whole that lie across a read', async () => {
    const text = '\u20ac'.repeat(100_000);
    const target = await file('t.jsonl', `${JSON.stringify({ body: text })}\n`);
    expect(await read(target, { textField: 'body' })).toEqual([{ id: 't.jsonl:1', text }]);
  });

  it('tells all bad lines at once, up to a limit', async () => {
    const target = await file(
      't.jsonl',
      Buffer.concat([
        Buffer.from('{"text":"ok"}\n{"text":1}\nnot json\n[1]\n{"body":"x"}\n{"text":"'),
        Buffer.from([0xff]),
        Buffer.from('"}\n{"text":"fine"}\n'),
      ]),
    );
    const problems = await problemsOf(read(target));
    expect(problems.map((problem) => problem.split(':')[1])).toEqual(['2', '3', '4', '5', '6']);
    expect(problems[3]).toBe('t.jsonl:5: a string in the field "text": the fields body');
    const many = await file('many.jsonl', '{}\n'.repeat(50));
    expect(await problemsOf(read(many))).toHaveLength(20);
  });
});

describe('Parquet', () => {
  const parquet = (name: string) => path.join(fixtures, name);

  it('names documents by row, over several compressed row groups', async () => {
    expect(await read(parquet('texts.parquet'))).toEqual([
      { id: 'texts.parquet:0', text: 'one' },
      { id: 'texts.parquet:1', text: 'zwei \u00e4\u00f6\u00fc' },
      { id: 'texts.parquet:2', text: '\u{1f600}' },
      { id: 'texts.parquet:3', text: 'four' },
      { id: 'texts.parquet:4', text: 'five' },
    ]);
    expect((await read(parquet('texts.parquet'), { textField: 'title' })).map(({ text }) => text).join('')).toBe(
      'abcde',
    );
  });

  it('tells a missing column, nulls and bytes that are not UTF-8', async () => {
    expect(await problemsOf(read(parquet('texts.parquet'), { textField: 'body' }))).toEqual([
      'texts.parquet: a column "body": the columns title, text',
    ]);
    expect(await problemsOf(read(parquet('null.parquet')))).toEqual([
      'null.parquet: row 1: UTF-8 text in the column "text": null',
    ]);
    expect(await problemsOf(read(parquet('not-utf8.parquet')))).toHaveLength(2);
  });

  it('tells a file that is none', async () => {
    expect((await problemsOf(read(await file('x.parquet', 'PAR1 but no more'))))[0]).toMatch(
      /^x\.parquet: a whole Parquet file/,
    );
  });
});
