import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseTokenizerDefinition, type TokenizerDefinition } from '../../corpus/tokenizer/definition.js';
import { mergesFromScores } from '../../corpus/tokenizer/gguf-merges.js';
import { UserError } from '../../errors.js';
import { readJsonObject } from '../../model/checkpoint/file.js';
import type { TypedValue } from './entries.js';
import { preTokenizerName } from './pre-tokenizer.js';

/** `tokenizer.ggml.token_type`. */
const TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Published files have up to 35 MB. */
const MAX_TOKENIZER_BYTES = 256 * 2 ** 20;

const WITHOUT = 'leave it out (longrope export gguf --no-tokenizer), and give token ids to llama.cpp';

type Json = Readonly<Record<string, unknown>>;
type Keys = Record<string, TypedValue>;

/**
 * The metadata keys (below `tokenizer.`) that say the same as a tokenizer.json, or that of a folder, and the tokenizer_config.json beside it: byte-level
 * BPE becomes `gpt2`, SentencePiece BPE with byte fallback `llama`. Throws `UserError` for what llama.cpp would split
 * differently.
 *
 * @param vocabularySize rows of the embedding; ids without a token are filled up
 */
export async function tokenizerKeys(at: string, vocabularySize: number, modelConfig: Json): Promise<Keys> {
  const isFile = (await stat(at)).isFile();
  const file = isFile ? at : path.join(at, 'tokenizer.json');
  const folder = path.dirname(file);
  if ((await stat(file).catch(() => null)) === null)
    throw new UserError('input', {
      where: folder,
      expected: 'a tokenizer.json, because a GGUF file holds the tokenizer',
      found: 'none',
      fix: 'save it with AutoTokenizer.from_pretrained(...).save_pretrained(...), or leave it out (longrope export gguf --no-tokenizer)',
    });
  const json = await readJsonObject(file, MAX_TOKENIZER_BYTES);
  const definition = parseTokenizerDefinition(json, file);
  const configFile = path.join(folder, 'tokenizer_config.json');
  const hasConfig = (await stat(configFile).catch(() => null)) !== null;
  const config = hasConfig ? await readJsonObject(configFile, MAX_TOKENIZER_BYTES) : {};
  const { tokens, types } = vocabulary(definition, vocabularySize, file);
  const isByteLevel = definition.preTokenizer.some(({ type }) => type === 'ByteLevel');
  return {
    ...(isByteLevel ? byteLevel(definition, tokens, file) : sentencePiece(definition, tokens, types, file)),
    'ggml.tokens': { strings: tokens },
    'ggml.token_type': { i32s: types },
    ...boundaries(json, config, modelConfig, tokens),
    ...(await chatTemplate(folder, config)),
  };
}

function vocabulary(definition: TokenizerDefinition, size: number, where: string) {
  const tokens: string[] = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types: number[] = tokens.map(() => TYPES.unused);
  const put = (token: string, id: number, type: number) => {
    if (id >= size)
      throw new UserError('input', {
        where,
        expected: `token ids below ${size}, the rows of the embedding`,
        found: `${JSON.stringify(token)} with ${id}`,
      });
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of definition.model.vocabulary) put(token, id, TYPES.normal);
  for (const { content, id, special } of definition.addedTokens)
    put(content, id, special ? TYPES.control : TYPES.userDefined);
  return { tokens, types };
}

function byteLevel(definition: TokenizerDefinition, tokens: readonly string[], where: string): Keys {
  const pre = preTokenizerName(definition);
  if (pre === undefined)
    throw new UserError('unsupported', {
      where: `${where}: pre_tokenizer`,
      expected: 'a pre-tokenizer that has a name in llama.cpp',
      found: JSON.stringify(definition.preTokenizer).slice(0, 200),
      fix: WITHOUT,
    });
  const merges = definition.model.merges.map(([left, right]) => `${left} ${right}`);
  return {
    'ggml.model': { string: 'gpt2' },
    'ggml.pre': { string: pre },
    'ggml.scores': { f32s: tokens.map(() => 0) },
    'ggml.merges': { strings: merges },
  };
}

/**
 * llama.cpp merges by the score of the joined token. Scores that fall with the rank of a token's first merge say the same
 * only if the merges follow from them again, which is checked.
 */
function sentencePiece(
  definition: TokenizerDefinition,
  tokens: readonly string[],
  types: number[],
  where: string,
): Keys {
  const { model, normalizer } = definition;
  const refuse = (part: string, expected: string, found: string) => {
    throw new UserError('unsupported', {
      where: `${where}: ${part}`,
      expected,
      found,
      fix: WITHOUT,
    });
  };
  if (!model.byteFallback) refuse('model.byte_fallback', 'true, or a ByteLevel pre-tokenizer', 'false');
  const steps = JSON.stringify(normalizer);
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
  const plain = JSON.stringify([replace]);
  const prefixed = JSON.stringify([{ type: 'Prepend', prepend: '\u2581' }, replace]);
  if ((steps !== plain && steps !== prefixed) || definition.preTokenizer.length > 0)
    refuse('normalizer', `${prefixed} or without Prepend, and no pre-tokenizer`, steps.slice(0, 200));
  const rank = new Map<string, number>();
  for (const [left, right] of model.merges) {
    const token = left + right;
    if (!rank.has(token)) rank.set(token, rank.size);
  }
  for (const [token, id] of model.vocabulary) if (/^<0x[0-9A-F]{2}>$/.test(token)) types[id] = TYPES.byte;
  if (model.unknownId !== null) types[model.unknownId] = TYPES.unknown;
  // Characters are no merge of anything; their scores are never compared.
  const scores = tokens.map((token) => -(rank.get(token) ?? rank.size));
  const implied = mergesFromScores(tokens, scores, model.vocabulary);
  if (JSON.stringify(implied) !== JSON.stringify(model.merges))
    refuse('model.merges', 'merges that follow from one score per token, as SentencePiece makes them', 'others');
  return {
    'ggml.model': { string: 'llama' },
    'ggml.pre': { string: 'default' },
    'ggml.scores': { f32s: scores },
    'ggml.add_space_prefix': { bool: steps === prefixed },
  };
}

function boundaries(json: Json, config: Json, modelConfig: Json, tokens: readonly string[]): Keys {
  const keys: Keys = {};
  const roles = { bos: 'bos', eos: 'eos', unk: 'unknown', pad: 'padding' } as const;
  for (const [role, name] of Object.entries(roles)) {
    const named = tokenText(config[`${role}_token`]);
    const id = named === null ? firstId(modelConfig[`${role}_token_id`]) : tokens.indexOf(named);
    if (id !== null && id >= 0) keys[`ggml.${name}_token_id`] = { u32: id };
  }
  const bos = keys['ggml.bos_token_id'];
  const added = config['add_bos_token'] ?? (bos !== undefined && 'u32' in bos && opens(json, tokens[bos.u32]!));
  keys['ggml.add_bos_token'] = { bool: added === true };
  return { ...keys, 'ggml.add_eos_token': { bool: config['add_eos_token'] === true } };
}

/** A token is written as its text or as `{content}`. */
function tokenText(value: unknown): string | null {
  const text = typeof value === 'object' && value !== null ? (value as Json)['content'] : value;
  return typeof text === 'string' ? text : null;
}

function firstId(value: unknown): number | null {
  const id: unknown = Array.isArray(value) ? value[0] : value;
  return typeof id === 'number' ? id : null;
}

/** Whether the post-processor puts `token` first. */
function opens(json: Json, token: string): boolean {
  const processor = (json['post_processor'] ?? {}) as Json;
  const all = [processor, ...((processor['processors'] as readonly Json[] | undefined) ?? [])];
  return all.some(({ single }) => {
    const first = Array.isArray(single) ? (single[0] as Json | undefined) : undefined;
    return ((first?.['SpecialToken'] as Json | undefined)?.['id'] ?? null) === token;
  });
}

async function chatTemplate(folder: string, config: Json): Promise<Keys> {
  const own = config['chat_template'];
  if (typeof own === 'string') return { chat_template: { string: own } };
  const text = await readFile(path.join(folder, 'chat_template.jinja'), 'utf8').catch(() => null);
  return text === null ? {} : { chat_template: { string: text } };
}
