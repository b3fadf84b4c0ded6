import { spellBytes } from './byte-alphabet.js';
import type { BytePairDefinition } from './definition.js';
import type { IdBuffer } from './id-buffer.js';
import { mergeSymbols } from './merge-symbols.js';
import { MergeTable } from './merge-table.js';

/** Words kept with their ids. A book of a million characters has about 30,000 different ones. */
const CACHE_WORDS = 2 ** 17;
/** Longer words hardly ever come twice. */
const CACHE_WORD_LENGTH = 64;
/** V8 lets a substring from this length on share its parent, so a cached one would keep a whole document alive. */
const SHARED_SUBSTRING_LENGTH = 13;

/** The mark that SentencePiece puts in place of a blank. */
const WORD_MARK = '\u2581';
/** Text cut before every mark that does not follow another one. */
const MARKED_WORDS = new RegExp(`${WORD_MARK}*[^${WORD_MARK}]+|${WORD_MARK}+`, 'gu');

/** Byte-pair encoding of one pre-token, as `BPE` in the Rust `tokenizers` does it (without dropout and affixes). */
export class BytePairModel {
  private readonly vocabulary: ReadonlyMap<string, number>;
  private readonly merges: MergeTable;
  private readonly mergedIds: Int32Array;
  private readonly byteIds: readonly number[] | null;
  private readonly cutAtMarks: boolean;
  private readonly cache = new Map<string, number | Int32Array>();

  /** @param byteLevel words are spelled in the byte alphabet before they are looked up */
  constructor(
    private readonly definition: BytePairDefinition,
    private readonly byteLevel: boolean,
  ) {
    this.vocabulary = definition.vocabulary;
    const id = (token: string) => this.vocabulary.get(token) ?? -1;
    this.merges = new MergeTable(definition.merges.map(([left, right]) => [id(left), id(right)]));
    this.mergedIds = Int32Array.from(definition.merges, ([left, right]) => id(left + right));
    this.byteIds = definition.byteFallback ? fallbackIds(this.vocabulary) : null;
    this.cutAtMarks = !byteLevel && !definition.ignoreMerges && marksOnlyLead(definition);
  }

  /** Appends the ids of `word` to `out`. */
  encode(word: string, out: IdBuffer): void {
    if (!this.cutAtMarks) this.encodeWord(word, out);
    else for (const part of word.match(MARKED_WORDS) ?? []) this.encodeWord(part, out);
  }

  private encodeWord(word: string, out: IdBuffer): void {
    let ids = this.cache.get(word);
    if (ids === undefined) {
      ids = this.compute(word);
      if (word.length <= CACHE_WORD_LENGTH) {
        if (this.cache.size === CACHE_WORDS) this.cache.clear();
        this.cache.set(word.length < SHARED_SUBSTRING_LENGTH ? word : copyString(word), ids);
      }
    }
    if (typeof ids === 'number') out.push(ids);
    else out.pushAll(ids);
  }

  private compute(word: string): number | Int32Array {
    const spelled = this.byteLevel ? spellBytes(word) : word;
    if (this.definition.ignoreMerges) {
      const whole = this.vocabulary.get(spelled);
      if (whole !== undefined) return whole;
    }
    const symbols = this.symbols(spelled);
    const count = mergeSymbols(symbols, this.merges, this.mergedIds);
    return count === 1 ? symbols[0]! : symbols.slice(0, count);
  }

  /** One symbol per character; characters outside the vocabulary become bytes, the unknown token, or nothing. */
  private symbols(word: string): Int32Array {
    const { unknownId, fuseUnknown } = this.definition;
    const ids: number[] = [];
    let unknowns = 0;
    const flush = () => {
      if (unknownId !== null) for (; unknowns > 0; unknowns--) ids.push(unknownId);
    };
    for (const char of word) {
      const id = this.vocabulary.get(char);
      if (id !== undefined) {
        flush();
        ids.push(id);
        continue;
      }
      const bytes = this.byteIds === null ? null : [...Buffer.from(char, 'utf8')].map((byte) => this.byteIds![byte]!);
      // Bytes go before a waiting unknown token: the order of the Rust code.
      if (bytes !== null && !bytes.includes(-1)) ids.push(...bytes);
      else if (unknowns === 0 || !fuseUnknown) {
        flush();
        unknowns = 1;
      }
    }
    flush();
    return Int32Array.from(ids);
  }
}

function fallbackIds(vocabulary: ReadonlyMap<string, number>): readonly number[] {
  const name = (byte: number) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  return Array.from({ length: 256 }, (_, byte) => vocabulary.get(name(byte)) ?? -1);
}

/**
 * Whether no merge ever joins a word mark to something before it other than a mark. Then merging never crosses the start
 * of a word, and a text without pre-tokenizer can be encoded word by word, with the same ids.
 */
function marksOnlyLead({ vocabulary, merges }: BytePairDefinition): boolean {
  if (!vocabulary.has(WORD_MARK)) return false;
  const inside = new RegExp(`[^${WORD_MARK}]${WORD_MARK}`, 'u');
  return !merges.some(([left, right]) => inside.test(left + right));
}

function copyString(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
