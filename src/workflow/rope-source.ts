import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { type RopeSource, withClassKeys } from '../export/engines/index.js';
import { readJsonObject } from '../model/checkpoint/file.js';
import { ggufNames, isGguf } from '../model/checkpoint/gguf-names.js';
import { hasSafetensors } from '../model/checkpoint/safetensors.js';
import { headDimension, isHeadDimension, MAX_HEAD_DIMENSION } from '../model/decoder-config.js';
import { describeValue } from '../model/describe.js';
import { tokens } from '../model/rope-schema.js';
import { factorProblems } from '../rope/index.js';
import { fileError, listFolder } from '../run/index.js';
import { readGgufRope } from './gguf-rope-source.js';

type Config = Readonly<Record<string, unknown>>;

const MAX_CONFIG_BYTES = 16 * 2 ** 20;

/** Reads only what RoPE needs: a config.json (or its folder), or metadata and factor tensors of a GGUF. */
export async function readRopeSource(model: string): Promise<{ readonly file: string; readonly source: RopeSource }> {
  const file = await chooseFile(model);
  return { file, source: isGguf(file) ? await readGgufRope(file) : await configSource(file) };
}

async function chooseFile(model: string): Promise<string> {
  try {
    if (!(await stat(model)).isDirectory()) return model;
  } catch (error) {
    throw fileError(model, 'a config.json, a model folder or a .gguf file', error);
  }
  const names = await listFolder(model, 'a model folder that can be read');
  const files = ggufNames(names);
  // As loading has it: a config.json beside a GGUF alone is not what the model is made from.
  const isGgufAlone = files.length === 1 && !hasSafetensors(names);
  if (names.includes('config.json') && !isGgufAlone) return path.join(model, 'config.json');
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
  const written: Record<string, unknown> = isRecord(text) ? { ...outer, ...text } : outer;
  const { config, assumed } = withClassKeys(written);
  const headDim = headDimension(config);
  const problems = [...numberProblems(config, headDim), ...blockProblems(config)];
  if (problems.length > 0)
    throw new UserError(
      'input',
      problems.map((problem) => ({ ...problem, where: `${file}: ${problem.where}` })),
    );
  const nested = new Set(isRecord(text) ? Object.keys(text) : []);
  return { format: 'config', file: path.basename(file), config, headDim, nested, assumed };
}

/** Everything about RoPE is computed per pair of a head, so its size is bounded before anything else. */
function* numberProblems(config: Config, headDim: number): Generator<Problem> {
  const maximum = tokens.safeParse(config['max_position_embeddings']);
  if (!maximum.success)
    yield problem('max_position_embeddings', 'a whole number of at least 2', config['max_position_embeddings']);
  if (isHeadDimension(headDim)) return;
  const own = config['head_dim'];
  const expected = `an even number up to ${MAX_HEAD_DIMENSION}`;
  if (own !== undefined && own !== null) yield problem('head_dim', expected, own);
  else if (!Number.isFinite(headDim) || headDim <= 0)
    for (const key of ['hidden_size', 'num_attention_heads']) {
      const value = config[key];
      if (!(typeof value === 'number' && Number.isInteger(value) && value > 0))
        yield problem(key, 'a positive whole number', value);
    }
  else yield problem('hidden_size / num_attention_heads', expected, headDim);
}

/** Shares and lists of the config, of the blocks that are for all layers, and of those of one layer type. */
function* blockProblems(config: Config): Generator<Problem> {
  for (const [place, values] of [['', config] as const, ...blocksOf(config)]) {
    const share = values['partial_rotary_factor'];
    if (typeof share === 'number' && !(share > 0 && share <= 1))
      yield problem(`${place}partial_rotary_factor`, 'a number in (0, 1]', share);
    for (const key of ['short_factor', 'long_factor']) {
      const list = values[key];
      // Its length is judged with the rotary width, by each engine.
      if (Array.isArray(list)) yield* factorProblems(list, `${place}${key}`);
    }
  }
}

function* blocksOf(config: Config): Generator<readonly [place: string, Config]> {
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const block = config[name];
    if (!isRecord(block)) continue;
    yield [`${name}.`, block];
    for (const [key, value] of Object.entries(block)) if (isRecord(value)) yield [`${name}.${key}.`, value];
  }
}

function problem(where: string, expected: string, found: unknown): Problem {
  return { where, expected, found: describeValue(found) };
}

function isRecord(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
