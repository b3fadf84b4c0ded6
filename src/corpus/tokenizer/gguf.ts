import { type Problem, UserError } from '../../errors.js';
import type { GgufValue } from '../../model/types.js';
import type { Tokenizer } from '../types.js';
import { buildTokenizer } from './build-tokenizer.js';
import { mergesFromScores } from './gguf-merges.js';
import { GGUF_PRE_TOKENIZERS } from './gguf-pre-tokenizers.js';

type Metadata = ReadonlyMap<string, GgufValue>;

/** The longest published tokens are a few hundred blanks or dashes; finding the merges of one takes the square of it. */
const MAX_TOKEN_LENGTH = 10_000;

/** `tokenizer.ggml.token_type`. */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;
/** Kinds that are matched as a whole wherever they stand in a text. */
const WHOLE = [UNKNOWN, CONTROL, USER_DEFINED];

/**
 * The tokenizer inside a GGUF file: `gpt2` (byte-level BPE) and `llama` (SentencePiece BPE with byte fallback), rebuilt
 * as the tokenizer.json it was made from. Throws `UserError` for other kinds and unknown pre-tokenizers.
 *
 * @param where names the file in messages
 */
export function tokenizerFromGguf(metadata: Metadata, where: string): Tokenizer {
  const boundary = {
    bos: idOf(metadata, 'bos_token_id'),
    eos: idOf(metadata, 'eos_token_id'),
    addsBos: addsBos(metadata),
  };
  return buildTokenizer(tokenizerJsonFromGguf(metadata, where), boundary, where);
}

/** Pre-tokenizers whose vocabularies llama.cpp opens with BOS although the file does not say so (`llama-vocab.cpp`). */
const OPENED_WITH_BOS: readonly unknown[] = ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'tekken'];

/** Without the key llama.cpp adds a BOS for SentencePiece vocabularies too. */
export function addsBos(metadata: Metadata): boolean {
  const named = metadata.get('tokenizer.ggml.add_bos_token');
  if (typeof named === 'boolean') return named;
  if (metadata.get('tokenizer.ggml.model') === 'llama') return true;
  return OPENED_WITH_BOS.includes(metadata.get('tokenizer.ggml.pre'));
}

/** The tokenizer.json that says the same as the metadata. */
export function tokenizerJsonFromGguf(metadata: Metadata, where: string): object {
  const kind = metadata.get('tokenizer.ggml.model');
  if (kind !== 'gpt2' && kind !== 'llama')
    throw new UserError('unsupported', {
      where: `${where}: tokenizer.ggml.model`,
      expected: 'gpt2 or llama',
      found: kind === undefined ? 'nothing' : String(kind),
      fix: "give the model's tokenizer.json with --tokenizer",
    });
  const tokens = list(metadata, 'tokens', 'string', where);
  if (tokens === null) throw missing('tokens', where);
  const types = list(metadata, 'token_type', 'number', where) ?? [];
  const vocabulary = vocabularyOf(tokens, where);
  const added = tokens.flatMap((content, id) => {
    const type = types[id] ?? 1;
    if (!WHOLE.includes(type) || content === '') return [];
    return [{ id, content, normalized: false, special: type !== USER_DEFINED }];
  });
  const parts = kind === 'gpt2' ? byteLevelParts : sentencePieceParts;
  return { added_tokens: added, ...parts(metadata, tokens, vocabulary, where) };
}

function byteLevelParts(
  metadata: Metadata,
  _tokens: readonly string[],
  vocabulary: Map<string, number>,
  where: string,
) {
  const name = metadata.get('tokenizer.ggml.pre');
  const pre = typeof name === 'string' ? GGUF_PRE_TOKENIZERS.get(name) : undefined;
  const merges = list(metadata, 'merges', 'string', where);
  const problems: Problem[] = [];
  if (merges === null) problems.push(...missing('merges', where).problems);
  if (pre === undefined)
    problems.push({
      where: `${where}: tokenizer.ggml.pre`,
      expected: `one of ${[...GGUF_PRE_TOKENIZERS.keys()].join(', ')}`,
      found: name === undefined ? 'nothing' : String(name),
      fix: "give the model's tokenizer.json with --tokenizer",
    });
  if (merges === null || pre === undefined) throw new UserError('unsupported', problems);
  return {
    normalizer: pre.normalizer,
    pre_tokenizer: pre.preTokenizer,
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', ignore_merges: pre.ignoreMerges, vocab: Object.fromEntries(vocabulary), merges },
  };
}

function sentencePieceParts(
  metadata: Metadata,
  tokens: readonly string[],
  vocabulary: Map<string, number>,
  where: string,
) {
  const scores = list(metadata, 'scores', 'number', where);
  const merges =
    list(metadata, 'merges', 'string', where) ??
    (scores === null ? null : mergesFromScores(tokens, scores, vocabulary));
  if (merges === null) throw missing('scores', where);
  const unknown = idOf(metadata, 'unknown_token_id') ?? 0;
  const prefixed = metadata.get('tokenizer.ggml.add_space_prefix') !== false;
  const replace = (from: string, to: string) => ({ type: 'Replace', pattern: { String: from }, content: to });
  const prepend = prefixed ? [{ type: 'Prepend', prepend: '\u2581' }] : [];
  const strip = prefixed ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  return {
    normalizer: { type: 'Sequence', normalizers: [...prepend, replace(' ', '\u2581')] },
    pre_tokenizer: null,
    decoder: {
      type: 'Sequence',
      decoders: [replace('\u2581', ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip],
    },
    model: {
      type: 'BPE',
      unk_token: tokens[unknown],
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(vocabulary),
      merges,
    },
  };
}

function vocabularyOf(tokens: readonly string[], where: string): Map<string, number> {
  const vocabulary = new Map<string, number>();
  const problems: Problem[] = [];
  for (const [id, token] of tokens.entries()) {
    if (token.length > MAX_TOKEN_LENGTH)
      problems.push({
        where: `${where}: tokenizer.ggml.tokens[${id}]`,
        expected: `a token of at most ${MAX_TOKEN_LENGTH} characters`,
        found: `${token.length}`,
      });
    const first = vocabulary.get(token);
    if (first === undefined) vocabulary.set(token, id);
    else
      problems.push({
        where: `${where}: tokenizer.ggml.tokens[${id}]`,
        expected: 'a token that is not in the list yet',
        found: `${JSON.stringify(token)}, which is also number ${first}`,
      });
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return vocabulary;
}

function list(metadata: Metadata, key: string, type: 'string', where: string): readonly string[] | null;
function list(metadata: Metadata, key: string, type: 'number', where: string): readonly number[] | null;
function list(metadata: Metadata, key: string, type: 'string' | 'number', where: string): readonly GgufValue[] | null {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  if (value === undefined) return null;
  if (Array.isArray(value) && value.every((element) => typeof element === type)) return value;
  throw new UserError('input', {
    where: `${where}: tokenizer.ggml.${key}`,
    expected: `a list of ${type}s`,
    found: Array.isArray(value) ? 'other elements' : typeof value,
  });
}

function idOf(metadata: Metadata, key: string): number | null {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  return typeof value === 'number' ? value : null;
}

function missing(key: string, where: string): UserError {
  return new UserError('input', { where, expected: `the metadata key tokenizer.ggml.${key}`, found: 'nothing' });
}
