import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { makeCacheFolder, removeAbandoned, sha256File, sha256Json } from '../run/index.js';
import { type Dataset, isDataset, readDataset } from './arrow/read.js';
import { writeDataset } from './arrow/write.js';
import { DEFAULT_TEXT_FIELD, type TextOptions } from './readers/options.js';
import { findTextInputs, type TextInput } from './readers/text-inputs.js';
import { type TokenizeProgress, tokenizeDocuments } from './tokenize-documents.js';
import type { TokenDocument, Tokenizer } from './types.js';

/** Part of every cache key; raised when the readers or the cached form change. */
const FORMAT_VERSION = 1;

export interface CorpusOptions extends TextOptions {
  /** A text file, folder, JSONL or Parquet file, or a tokenised data set. */
  readonly path: string;
  readonly tokenizer: Tokenizer;
  /** Folder for tokenised texts; null tokenises every time. */
  readonly cacheDir: string | null;
  /** Leaves the BOS in front of the documents of a data set made by Python, for a reader that puts none there. */
  readonly keepsBos?: boolean;
  readonly onProgress?: (progress: TokenizeProgress) => void;
  /** An abort keeps nothing of a text that is being tokenised. */
  readonly signal?: AbortSignal;
}

export interface Corpus {
  readonly path: string;
  readonly documents: readonly TokenDocument[];
  /** sha256 over the ids of all documents, for run manifests: the same tokens give the same hash wherever they come from. */
  readonly hash: string;
  readonly source: 'text' | 'dataset';
  /** Whether the tokens came out of the cache. */
  readonly cached: boolean;
  /** Files of a folder that were left alone because of their kind. */
  readonly skipped: readonly string[];
}

/**
 * The token documents of a path. Raw text is tokenised once: the cache is keyed by the bytes of the files, the tokenizer
 * and the options. A data set made with another tokenizer is refused, since its ids would mean other words.
 */
export async function openCorpus(options: CorpusOptions): Promise<Corpus> {
  const opened = (await isDataset(options.path)) ? await openDataset(options) : await openText(options);
  return { path: options.path, ...opened, hash: hashDocuments(opened.documents) };
}

/** sha256 over lengths and ids in order; document names do not count. */
export function hashDocuments(documents: readonly TokenDocument[]): string {
  const hash = createHash('sha256');
  for (const { ids } of documents) {
    hash.update(Int32Array.of(ids.length));
    hash.update(ids);
  }
  return hash.digest('hex');
}

async function openDataset({ path: folder, tokenizer, keepsBos, skipCharacters, textField }: CorpusOptions) {
  const flags = [
    (skipCharacters ?? 0) > 0 ? '--skip-characters' : '',
    (textField ?? DEFAULT_TEXT_FIELD) === DEFAULT_TEXT_FIELD ? '' : '--text-field',
  ].filter((flag) => flag !== '');
  if (flags.length > 0)
    throw new UserError('usage', {
      where: folder,
      expected: 'raw text, for options about text',
      found: `a tokenised data set with ${flags.join(' and ')}`,
      fix: 'leave them out or give the text',
    });
  const { documents: stored, origin } = await readDataset(folder);
  const strips = origin === null && keepsBos !== true;
  const documents = strips ? stored.map((document) => withoutBos(document, tokenizer.bosTokenId)) : stored;
  if (origin !== null && origin.tokenizerHash !== tokenizer.hash)
    throw new UserError('input', {
      where: folder,
      expected: `tokens of this model's tokenizer (${tokenizer.hash.slice(0, 12)})`,
      found: `those of another one (${origin.tokenizerHash.slice(0, 12)})`,
      fix: 'tokenise the text again with this model',
    });
  checkIds(documents, tokenizer.vocabularySize);
  return { documents, source: 'dataset' as const, cached: false, skipped: [] };
}

/** Data sets made by Python usually open with the BOS the tokenizer added; protocols add their own, and two are one too many. */
function withoutBos({ id, ids }: TokenDocument, bos: number | null): TokenDocument {
  return { id, ids: bos !== null && ids[0] === bos ? ids.subarray(1) : ids };
}

/** Throws one `UserError` with every document that has an id of `size` or more. */
export function checkIds(documents: readonly TokenDocument[], size: number): void {
  const problems = documents.flatMap(({ id, ids }) => {
    const largest = ids.reduce((max, token) => Math.max(max, token), -1);
    return largest < size ? [] : [{ where: id, expected: `token ids below ${size}`, found: `${largest}` }];
  });
  if (problems.length > 0) throw new UserError('input', problems);
}

async function openText(options: CorpusOptions) {
  const { inputs, skipped } = await findTextInputs(options.path);
  const { documents, cached } = await tokenizeCached(inputs, options);
  return { documents, source: 'text' as const, cached, skipped };
}

async function tokenizeCached(inputs: readonly TextInput[], options: CorpusOptions) {
  const { tokenizer, cacheDir, path: _path, keepsBos: _keepsBos, ...rest } = options;
  const key = cacheDir === null ? null : await cacheKey(inputs, options);
  const folder = cacheDir === null || key === null ? null : path.join(cacheDir, 'tokens', key);
  const found = folder === null ? null : await readCached(folder);
  if (found !== null) return { documents: found.documents, cached: true };
  const documents: TokenDocument[] = [];
  const collected = collect(tokenizeDocuments(inputs, tokenizer, rest), documents);
  if (folder === null) for await (const _ of collected);
  else {
    await makeCacheFolder(path.dirname(folder));
    await removeAbandoned(path.dirname(folder));
    // Before the entry gets its name: tokens of a text that was written meanwhile would stand under the hash of the one before.
    const whole = untilChanged(collected, async () => (await cacheKey(inputs, options)) === key, options.path);
    await writeDataset(folder, whole, { tokenizerHash: tokenizer.hash });
  }
  return { documents, cached: false };
}

/** Keeps what passes by, so that a fresh cache entry need not be read back. */
async function* collect(source: AsyncIterable<TokenDocument>, into: TokenDocument[]): AsyncGenerator<TokenDocument> {
  for await (const document of source) {
    into.push(document);
    yield document;
  }
}

async function* untilChanged(
  source: AsyncIterable<TokenDocument>,
  isUnchanged: () => Promise<boolean>,
  where: string,
): AsyncGenerator<TokenDocument> {
  yield* source;
  if (!(await isUnchanged()))
    throw new UserError('input', { where, expected: 'texts at rest', found: 'changes while they were read' });
}

/** An entry that cannot be read is made anew: everything in a cache may be deleted at any time, one file of several too. */
async function readCached(folder: string): Promise<Dataset | null> {
  try {
    if (await isDataset(folder)) return await readDataset(folder);
  } catch {
    // Made anew.
  }
  // Where that is not possible, writing the new one says why.
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  return null;
}

async function cacheKey(inputs: readonly TextInput[], options: CorpusOptions): Promise<string> {
  const files: [string, string][] = [];
  for (const { id, file } of inputs) files.push([id, await sha256File(file)]);
  return sha256Json({
    version: FORMAT_VERSION,
    tokenizer: options.tokenizer.hash,
    textField: options.textField ?? DEFAULT_TEXT_FIELD,
    skipCharacters: options.skipCharacters ?? 0,
    files,
  });
}
