import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openTokenizer } from '../src/corpus/index.js';

const PROJECT = path.resolve(import.meta.dirname, '..');
export const SHARED = path.resolve(PROJECT, '../shared');

/** The books of data/pg19/test. */
export const BOOKS = ['10146', '10321', '10356', '10762', '3608', '5396', '7412'];

export interface ParityModel {
  readonly name: string;
  readonly path: string;
  readonly bos: number | null;
  /** Pretended original length, so that every method has something to extend at the lengths that are compared. */
  readonly originalLength: number;
}

export const TINY: ParityModel = {
  name: 'tiny',
  path: path.join(PROJECT, 'models/tiny'),
  bos: 1,
  originalLength: 256,
};

export const SMOLLM2: ParityModel = {
  name: 'SmolLM2-135M',
  path: path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf'),
  bos: null,
  originalLength: 1024,
};

/** First `tokens` tokens of a PG19 test book after its front matter, without BOS. */
export async function bookIds(model: ParityModel, tokens: number, book = BOOKS[0] as string): Promise<Int32Array> {
  const tokenizer = await openTokenizer(model.path);
  const text = (await readFile(path.join(SHARED, `data/pg19/test/${book}.txt`), 'utf8')).slice(9000, 9000 + 8 * tokens);
  const ids = tokenizer.encode(text).slice(0, tokens);
  if (ids.length < tokens) throw new Error(`book ${book} has ${ids.length} tokens, ${tokens} are needed`);
  return ids;
}

/** Hands arrays to Python as raw little-endian files in a folder that goes away with `remove`. */
export class Exchange {
  private constructor(readonly folder: string) {}

  static async open(): Promise<Exchange> {
    return new Exchange(await mkdtemp(path.join(tmpdir(), 'longrope-parity-')));
  }

  async writeIds(name: string, ids: Int32Array): Promise<string> {
    const file = path.join(this.folder, name);
    await writeFile(file, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
    return file;
  }

  async readFloats(name: string): Promise<Float32Array> {
    const bytes = await readFile(path.join(this.folder, name));
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true });
  }
}
