import { createHash } from 'node:crypto';
import { UserError } from '../../errors.js';
import type { Tokenizer } from '../types.js';
import { AddedTokenFinder, checkAddedTokenIds } from './added-tokens.js';
import { BytePairModel } from './byte-pair-model.js';
import { buildDecoder } from './decoder.js';
import { parseTokenizerDefinition, type TokenizerDefinition } from './definition.js';
import { IdBuffer } from './id-buffer.js';
import { buildNormalizer } from './normalizer.js';
import { UntranslatablePattern } from './oniguruma.js';
import { buildPreTokenizer } from './pre-tokenizer.js';

/** Part of every tokenizer hash; raised whenever a correction of this folder changes ids. */
const ENGINE_REVISION = 1;

const LONE_SURROGATE = /\p{Surrogate}/gu;

/** Tokens that open and close a document, by name or id; null where the model has none. */
export interface BoundaryTokens {
  readonly bos: string | number | null;
  readonly eos: string | number | null;
  /** What the tokenizer's settings say about adding the BOS; by default the post-processor of the file decides. */
  readonly addsBos?: boolean | null;
}

/**
 * A tokenizer from the parsed contents of a tokenizer.json.
 *
 * Same ids as `encode(text, add_special_tokens=False)` of the Rust `tokenizers`: nothing is added around the text, and
 * special tokens spelled out in it become their ids. `truncation` and `padding` of the file are ignored: a cut document
 * is never what a corpus wants. Throws `UserError` for everything it cannot reproduce exactly.
 *
 * @param where names the file in messages
 */
export function buildTokenizer(json: unknown, boundary: BoundaryTokens, where: string): Tokenizer {
  const definition = parseTokenizerDefinition(json, where);
  checkAddedTokenIds(definition.addedTokens, definition.model.vocabulary, where);
  const encode = buildEncoder(definition, where);
  const tokens = tokensById(definition);
  const decodeTokens = refusePatterns(where, () => buildDecoder(definition.decoder));
  const boundaryId = (token: string | number | null) => {
    // Not found by a search through the list, which is as long as the largest id.
    const id = typeof token === 'string' ? (idOf(token, definition, tokens) ?? -1) : token;
    if (id === null || tokens[id] !== undefined) return id;
    throw new UserError('input', { where, expected: 'a token that is its bos or eos', found: JSON.stringify(token) });
  };
  const bosTokenId = boundaryId(boundary.bos);
  return {
    encode,
    decode: (ids) => decodeTokens(Array.from(ids, (id) => tokens[id] ?? unknownId(id, tokens.length))),
    vocabularySize: tokens.length,
    bosTokenId,
    eosTokenId: boundaryId(boundary.eos),
    addsBos: bosTokenId !== null && (boundary.addsBos ?? addsToken(json, tokens[bosTokenId])),
    hash: hashOf(json),
  };
}

function buildEncoder(definition: TokenizerDefinition, where: string): (text: string) => Int32Array {
  const { preTokenizer: steps, addedTokens } = definition;
  const byteLevelAt = steps.findIndex((step) => step.type === 'ByteLevel');
  if (byteLevelAt >= 0 && byteLevelAt < steps.length - 1)
    throw new UserError('unsupported', {
      where: `${where}: pre_tokenizer`,
      expected: 'ByteLevel as its last step',
      found: steps[byteLevelAt + 1]!.type,
    });
  const model = new BytePairModel(definition.model, byteLevelAt >= 0);
  const [normalize, preTokenize] = refusePatterns(where, () => [
    buildNormalizer(definition.normalizer),
    buildPreTokenizer(steps),
  ]);
  const rawTokens = new AddedTokenFinder(
    addedTokens.filter((token) => !token.normalized),
    (content) => content,
  );
  const normalizedTokens = new AddedTokenFinder(
    addedTokens.filter((token) => token.normalized),
    normalize,
  );

  return (text) => {
    // A lone surrogate cannot come out of UTF-8; it gets the character that stands for "not a character".
    const whole = text.replace(LONE_SURROGATE, '\ufffd');
    const out = new IdBuffer(Math.ceil(whole.length / 3));
    for (const raw of rawTokens.split(whole)) {
      if (raw.id !== null) {
        out.push(raw.id);
        continue;
      }
      const normalized = normalize(whole.slice(raw.start, raw.end));
      for (const { id, start, end } of normalizedTokens.split(normalized)) {
        if (id !== null) out.push(id);
        else
          preTokenize(normalized.slice(start, end), raw.start === 0 && start === 0, (piece) =>
            model.encode(piece, out),
          );
      }
    }
    return out.toArray();
  };
}

function refusePatterns<T>(where: string, build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof UntranslatablePattern)) throw error;
    throw new UserError('unsupported', {
      where,
      expected: 'a regular expression this program can run',
      found: error.message,
      fix: 'tokenise with Python and pass the data set instead',
    });
  }
}

/** Whether the post-processor (a template, perhaps one of several steps) opens a single text with `token`. */
function addsToken(json: unknown, token: string | undefined): boolean {
  const steps = (step: unknown): readonly unknown[] => {
    const { type, processors } = (step ?? {}) as { readonly type?: unknown; readonly processors?: unknown };
    return type === 'Sequence' && Array.isArray(processors) ? processors.flatMap(steps) : [step];
  };
  return steps((json as { readonly post_processor?: unknown }).post_processor).some((step) => {
    const { type, single } = (step ?? {}) as { readonly type?: unknown; readonly single?: unknown };
    const first: unknown = type === 'TemplateProcessing' && Array.isArray(single) ? single[0] : undefined;
    return (first as { readonly SpecialToken?: { readonly id?: unknown } } | undefined)?.SpecialToken?.id === token;
  });
}

/** The id that is decoded to `token`. */
function idOf(
  token: string,
  { addedTokens, model }: TokenizerDefinition,
  tokens: readonly (string | undefined)[],
): number | undefined {
  const named = addedTokens.filter(({ content }) => content === token).map(({ id }) => id);
  return [model.vocabulary.get(token), ...named].find((id) => id !== undefined && tokens[id] === token);
}

/** Dense up to the largest id; `undefined` for ids without a token. */
function tokensById(definition: TokenizerDefinition): readonly (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  for (const [token, id] of definition.model.vocabulary) tokens[id] = token;
  for (const { content, id } of definition.addedTokens) tokens[id] = content;
  return tokens;
}

function unknownId(id: number, size: number): never {
  throw new Error(`token id ${id} is not in the vocabulary of ${size}`);
}

/** Over exactly the parts of the file that decide about ids. */
function hashOf(json: unknown): string {
  const { added_tokens, normalizer, pre_tokenizer, model } = json as Readonly<Record<string, unknown>>;
  const parts = JSON.stringify({ revision: ENGINE_REVISION, added_tokens, normalizer, pre_tokenizer, model });
  return createHash('sha256').update(parts).digest('hex');
}
