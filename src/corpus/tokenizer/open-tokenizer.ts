import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { openGguf } from '../../model/checkpoint/gguf.js';
import type { Tokenizer } from '../types.js';
import { buildTokenizer } from './build-tokenizer.js';
import { tokenizerFromGguf } from './gguf.js';

/**
 * The tokenizer of a model: a folder with tokenizer.json (and tokenizer_config.json, which names bos and eos), a
 * tokenizer.json file, or a GGUF file.
 */
export async function openTokenizer(modelPath: string): Promise<Tokenizer> {
  const kind = await stat(modelPath).catch(() => null);
  if (kind === null)
    throw new UserError('input', {
      where: modelPath,
      expected: 'a model folder, tokenizer.json or .gguf file',
      found: 'nothing',
    });
  if (kind.isDirectory()) return openFolder(modelPath);
  if (/\.gguf$/i.test(modelPath)) return tokenizerFromGguf((await openGguf(modelPath)).metadata, modelPath);
  return openFile(modelPath, {});
}

/** Whether a model brings a tokenizer at all; GGUF files do, folders need not. */
export async function hasTokenizer(modelPath: string): Promise<boolean> {
  const kind = await stat(modelPath).catch(() => null);
  if (kind === null || !kind.isDirectory()) return true;
  return (await stat(path.join(modelPath, 'tokenizer.json')).catch(() => null)) !== null;
}

async function openFolder(folder: string): Promise<Tokenizer> {
  const file = path.join(folder, 'tokenizer.json');
  if ((await stat(file).catch(() => null)) === null)
    throw new UserError('input', {
      where: folder,
      expected: 'a tokenizer.json',
      found: 'none',
      fix: "save it with AutoTokenizer.from_pretrained(...).save_pretrained(...), or give another model's file with --tokenizer",
    });
  const configFile = path.join(folder, 'tokenizer_config.json');
  const hasConfig = (await stat(configFile).catch(() => null)) !== null;
  return openFile(file, hasConfig ? await readJson(configFile) : {});
}

async function openFile(file: string, config: unknown): Promise<Tokenizer> {
  const boundary = {
    bos: tokenName(config, 'bos_token'),
    eos: tokenName(config, 'eos_token'),
    addsBos: addsBos(config),
  };
  return buildTokenizer(await readJson(file), boundary, file);
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError('input', {
      where: file,
      expected: 'JSON',
      found: error instanceof Error ? error.message : 'other text',
    });
  }
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
