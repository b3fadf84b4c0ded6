import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import type { GgufSource } from '../export/index.js';
import { isHeadDimension, MAX_HEAD_DIMENSION } from '../model/decoder-config.js';
import { GgufKeys } from '../model/gguf/keys.js';
import { llama3Config } from '../model/gguf/llama3-factors.js';
import { openGguf, readTensor, sizeOfShape } from '../model/index.js';
import { factorProblems, YARN_DEFAULTS } from '../rope/index.js';

/** Architectures of llama.cpp whose local layers have a base of their own, and what it is without its key. */
const LOCAL_THETA: Readonly<Record<string, number>> = { gemma3: 10_000 };

/** RoPE metadata and factor tensors of a GGUF file, as they are, with every number in the range in which it can be computed with. */
export async function readGgufRope(file: string): Promise<GgufSource> {
  const checkpoint = await openGguf(file);
  if (checkpoint.format !== 'gguf') throw new Error('openGguf opened another format');
  const keys = new GgufKeys(checkpoint);
  const problems: Problem[] = [];
  const refuse = (where: string, expected: string, found: number) =>
    problems.push({ where, expected, found: `${found}` });
  const within = (key: string, value: number, expected: string, isRight: boolean) => {
    if (!isRight) refuse(keys.locate(key), expected, value);
    return value;
  };
  const need = (key: string) => keys.number(key) ?? keys.refuse('input', key, 'a number', 'nothing');
  const above = (key: string, value: number, bound: number) =>
    within(key, value, `a number above ${bound}`, value > bound && Number.isFinite(value));
  const length = (key: string, value: number) =>
    within(key, value, 'a whole number of at least 2', Number.isSafeInteger(value) && value >= 2);
  const list = async (name: string) => {
    const tensor = checkpoint.tensors.get(name);
    if (tensor === undefined) return undefined;
    const count = sizeOfShape(tensor.shape);
    if (count > MAX_HEAD_DIMENSION / 2) {
      refuse(`${file}: ${name}`, `at most ${MAX_HEAD_DIMENSION / 2} factors, one per rotary pair`, count);
      return undefined;
    }
    const factors = [...(await readTensor(tensor))];
    problems.push(...factorProblems(factors, `${file}: ${name}`));
    return factors;
  };

  const ownHead = keys.number('attention.key_length');
  const headDim = ownHead ?? need('embedding_length') / need('attention.head_count');
  const headKey = ownHead === undefined ? 'embedding_length' : 'attention.key_length';
  within(
    headKey,
    headDim,
    `heads of an even number of dimensions up to ${MAX_HEAD_DIMENSION}`,
    isHeadDimension(headDim),
  );
  const rotaryDim = keys.number('rope.dimension_count') ?? headDim;
  if (isHeadDimension(headDim)) {
    const isRight = isHeadDimension(rotaryDim) && rotaryDim <= headDim;
    within('rope.dimension_count', rotaryDim, `an even number up to ${headDim}, the head`, isRight);
  }
  const contextLength = length('context_length', need('context_length'));
  const originalKey = 'rope.scaling.original_context_length';
  const localTheta = LOCAL_THETA[keys.architecture];
  const short = await list('rope_factors_short.weight');
  const long = await list('rope_factors_long.weight');
  const frequencies = await list('rope_freqs.weight');
  const prefix = `${keys.architecture}.`;
  const present = [...checkpoint.metadata.keys()].filter((key) => key.startsWith(prefix));
  // 0 stands for "not set"; the second is the key of old files.
  const factor = keys.number('rope.scaling.factor') || keys.number('rope.scale_linear') || 1;
  const attentionFactor = keys.number('rope.scaling.attn_factor') ?? 1;
  const theta = keys.number('rope.freq_base') ?? 10_000;
  // As when the model is run: the factors of a published llama3 model say what it was trained for.
  const llama3 =
    frequencies && factor === 1 && attentionFactor === 1 ? llama3Config(frequencies, theta, contextLength) : undefined;
  const trainedFor = llama3?.original_max_position_embeddings ?? contextLength;
  const source: GgufSource = {
    format: 'gguf',
    file: path.basename(file),
    architecture: keys.architecture,
    theta: above('rope.freq_base', theta, 1),
    ...(localTheta !== undefined && {
      localTheta: above('rope.freq_base_swa', keys.number('rope.freq_base_swa') ?? localTheta, 1),
    }),
    headDim,
    rotaryDim,
    contextLength,
    originalLength: length(originalKey, keys.number(originalKey) ?? trainedFor),
    type: String(keys.get('rope.scaling.type') ?? 'linear'),
    factor: above('rope.scaling.factor', factor, 0),
    attentionFactor: above('rope.scaling.attn_factor', attentionFactor, 0),
    betaFast: above(
      'rope.scaling.yarn_beta_fast',
      keys.number('rope.scaling.yarn_beta_fast') ?? YARN_DEFAULTS.betaFast,
      0,
    ),
    betaSlow: above(
      'rope.scaling.yarn_beta_slow',
      keys.number('rope.scaling.yarn_beta_slow') ?? YARN_DEFAULTS.betaSlow,
      0,
    ),
    keys: new Set(present.map((key) => key.slice(prefix.length))),
    ...(short && { short }),
    ...(long && { long }),
    ...(frequencies && { frequencies }),
  };
  if (problems.length > 0) throw new UserError('input', problems);
  return source;
}
