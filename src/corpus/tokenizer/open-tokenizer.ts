import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { readJsonObject } from '../../model/checkpoint/file.js';
import { openGguf } from '../../model/checkpoint/gguf.js';
import { ggufNames, isGguf } from '../../model/checkpoint/gguf-names.js';
import { hasSafetensors } from '../../model/checkpoint/safetensors.js';
import { listFolder } from '../../run/index.js';
import type { Tokenizer } from '../types.js';
import { buildTokenizer } from './build-tokenizer.js';
import { tokenizerFromGguf } from './gguf.js';

/** The largest published files (vocabularies of 262,144 tokens with their merges) have 35 MB. */
const MAX_TOKENIZER_BYTES = 512 * 2 ** 20;
/** A list of added tokens is all that makes these long. */
const MAX_CONFIG_BYTES = 64 * 2 ** 20;

/**
 * The tokenizer of a model: a folder with tokenizer.json or that file (with
 * tokenizer_config.json beside it, which names bos and eos), a GGUF file, or a folder with exactly one.
 */
export async function openTokenizer(modelPath: string): Promise<Tokenizer> {
  const kind = await stat(modelPath).catch(() => null);
  if (kind === null)
    throw new UserError('input', {
      where: modelPath,
      expected: 'a model folder, tokenizer.json or .gguf file',
      found: 'nothing',
    });
  const file = await tokenizerFile(modelPath);
  return isGguf(file) ? openGgufFile(file) : openFile(file);
}

/** Whether a model brings a tokenizer at all; GGUF files do, folders need not. */
export async function hasTokenizer(modelPath: string): Promise<boolean> {
  const kind = await stat(modelPath).catch(() => null);
  return kind === null || !kind.isDirectory() || (await fileIn(modelPath)) !== null;
}

/** What holds the tokenizer of a folder; null = nothing does. */
async function fileIn(folder: string): Promise<string | null> {
  const names = await listFolder(folder, 'a model folder that can be read');
  if (names.includes('tokenizer.json')) return path.join(folder, 'tokenizer.json');
  const [gguf, ...others] = hasSafetensors(names) ? [] : ggufNames(names);
  return gguf !== undefined && others.length === 0 ? path.join(folder, gguf) : null;
}

/** The file that `openTokenizer` reads: itself, or the one in a folder. */
export async function tokenizerFile(modelPath: string): Promise<string> {
  if (!(await stat(modelPath)).isDirectory()) return modelPath;
  const file = await fileIn(modelPath);
  if (file === null)
    throw new UserError('input', {
      where: modelPath,
      expected: 'a tokenizer.json',
      found: 'none',
      fix: "save it with AutoTokenizer.from_pretrained(...).save_pretrained(...), or give another model's file with --tokenizer",
    });
  return file;
}

async function openGgufFile(file: string): Promise<Tokenizer> {
  return tokenizerFromGguf((await openGguf(file)).metadata, file);
}

/** With what lies beside it: without its BOS the same tokenizer would give other figures. */
async function openFile(file: string): Promise<Tokenizer> {
  const configFile = path.join(path.dirname(file), 'tokenizer_config.json');
  const hasConfig = (await stat(configFile).catch(() => null)) !== null;
  const config = hasConfig ? await readJsonObject(configFile, MAX_CONFIG_BYTES) : {};
  const boundary = {
    bos: tokenName(config, 'bos_token'),
    eos: tokenName(config, 'eos_token'),
    addsBos: addsBos(config),
  };
  return buildTokenizer(await readJsonObject(file, MAX_TOKENIZER_BYTES), boundary, file);
}

/** As transformers reads it: naming either setting makes a new post-processor, in which a setting left out is off. */
function addsBos(config: unknown): boolean | null {
  const { add_bos_token: bos, add_eos_token: eos } = (config ?? {}) as Readonly<Record<string, unknown>>;
  return bos === undefined && eos === undefined ? null : bos === true;
}

/** A token is written as its text or as `{content}`. */
function tokenName(config: unknown, key: string): string | null {
  const value = (config as Readonly<Record<string, unknown>> | null)?.[key];
  const name =
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)['content'] : value;
  return typeof name === 'string' ? name : null;
}
