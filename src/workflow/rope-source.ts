import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import type { RopeSource } from '../export/index.js';
import { readJsonObject } from '../model/checkpoint/file.js';
import { describeValue } from '../model/describe.js';
import { GgufKeys } from '../model/gguf/keys.js';
import { openGguf, readTensor } from '../model/index.js';
import { YARN_DEFAULTS } from '../rope/index.js';
import { fileError } from '../run/index.js';

const MAX_CONFIG_BYTES = 16 * 2 ** 20;

/** Reads only what RoPE needs: a config.json (or its folder), or metadata and factor tensors of a GGUF. */
export async function readRopeSource(model: string): Promise<{ readonly file: string; readonly source: RopeSource }> {
  const file = await chooseFile(model);
  return { file, source: file.toLowerCase().endsWith('.gguf') ? await ggufSource(file) : await configSource(file) };
}

async function chooseFile(model: string): Promise<string> {
  try {
    if (!(await stat(model)).isDirectory()) return model;
  } catch (error) {
    throw fileError(model, 'a config.json, a model folder or a .gguf file', error);
  }
  const names = await readdir(model);
  if (names.includes('config.json')) return path.join(model, 'config.json');
  const files = names.filter((name) => name.toLowerCase().endsWith('.gguf'));
  if (files.length === 1) return path.join(model, files[0]!);
  throw new UserError('input', {
    where: model,
    expected: 'config.json or one .gguf file',
    found: files.length === 0 ? 'neither' : files.join(', '),
  });
}

async function configSource(file: string): Promise<RopeSource> {
  const outer = await readJsonObject(file, MAX_CONFIG_BYTES);
  const text = outer['text_config'];
  const config = typeof text === 'object' && text !== null ? { ...outer, ...(text as object) } : outer;
  const problems: Problem[] = [];
  const positive = (key: string) => {
    const value = (config as Record<string, unknown>)[key];
    if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
    problems.push({ where: `${file}: ${key}`, expected: 'a positive whole number', found: describeValue(value) });
    return Number.NaN;
  };
  positive('max_position_embeddings');
  const given = (config as Record<string, unknown>)['head_dim'];
  const headDim =
    given === undefined || given === null
      ? positive('hidden_size') / positive('num_attention_heads')
      : positive('head_dim');
  if (Number.isFinite(headDim) && headDim % 2 !== 0)
    problems.push({ where: `${file}: head_dim`, expected: 'an even number', found: `${headDim}` });
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const block = (config as Record<string, unknown>)[name];
    for (const key of ['short_factor', 'long_factor']) {
      const list = (block as Record<string, unknown> | null | undefined)?.[key];
      if (!Array.isArray(list)) continue;
      list.forEach((value: unknown, pair) => {
        if (!(typeof value === 'number' && Number.isFinite(value) && value > 0))
          problems.push({
            where: `${file}: ${name}.${key}[${pair}]`,
            expected: 'a finite number above 0',
            found: describeValue(value),
          });
      });
    }
  }
  if (problems.length > 0) throw new UserError('input', problems);
  const nested = new Set(config === outer ? [] : Object.keys(text as object));
  return { format: 'config', file: path.basename(file), config, headDim, nested };
}

async function ggufSource(file: string): Promise<RopeSource> {
  const checkpoint = await openGguf(file);
  if (checkpoint.format !== 'gguf') throw new Error('openGguf opened another format');
  const keys = new GgufKeys(checkpoint);
  const need = (key: string) => keys.number(key) ?? keys.refuse('input', key, 'a number', 'nothing');
  const headDim = keys.number('attention.key_length') ?? need('embedding_length') / need('attention.head_count');
  const contextLength = need('context_length');
  const list = async (name: string) => {
    const tensor = checkpoint.tensors.get(name);
    return tensor === undefined ? undefined : [...(await readTensor(tensor))];
  };
  const short = await list('rope_factors_short.weight');
  const long = await list('rope_factors_long.weight');
  const frequencies = await list('rope_freqs.weight');
  const prefix = `${keys.architecture}.`;
  const present = [...checkpoint.metadata.keys()].filter((key) => key.startsWith(prefix));
  return {
    format: 'gguf',
    file: path.basename(file),
    architecture: keys.architecture,
    theta: keys.number('rope.freq_base') ?? 10_000,
    headDim,
    rotaryDim: keys.number('rope.dimension_count') ?? headDim,
    contextLength,
    originalLength: keys.number('rope.scaling.original_context_length') ?? contextLength,
    type: String(keys.get('rope.scaling.type') ?? 'linear'),
    // 0 stands for "not set"; the second is the key of old files.
    factor: keys.number('rope.scaling.factor') || keys.number('rope.scale_linear') || 1,
    attentionFactor: keys.number('rope.scaling.attn_factor') ?? 1,
    betaFast: keys.number('rope.scaling.yarn_beta_fast') ?? YARN_DEFAULTS.betaFast,
    betaSlow: keys.number('rope.scaling.yarn_beta_slow') ?? YARN_DEFAULTS.betaSlow,
    keys: new Set(present.map((key) => key.slice(prefix.length))),
    ...(short && { short }),
    ...(long && { long }),
    ...(frequencies && { frequencies }),
  };
}
