import { realpath, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../../errors.js';
import { indexedFiles, weightFiles } from '../../model/checkpoint/safetensors.js';
import type { FloatDtype, Model } from '../../model/types.js';
import { checkFinite } from '../../model/weights.js';
import { checkSpace, replaceFolder } from '../../run/index.js';
import { CLASSES } from '../class-names.js';
import { EXPORTED, type ExportProgress, ROOM } from '../progress.js';
import { neighboursToHalves } from '../row-order.js';
import { encodedBytes } from '../stream-tensor.js';
import { type ExportTensor, exportTensors } from '../tensors.js';
import { belongsToModel, placeCompanions } from './companions.js';
import { configJson } from './config-json.js';
import { FACTOR_SETS_NAME } from './factor-sets.js';
import { writeSafetensorsFiles } from './safetensors-files.js';
import { type PlacedFile, placeFile, type WeightMode } from './weights.js';

/** Names transformers calls them. */
export const HF_DTYPES = ['float32', 'float16', 'bfloat16'] as const;
export type HfDtype = (typeof HF_DTYPES)[number];
const DTYPES: Readonly<Record<HfDtype, FloatDtype>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };

const MAX_SHARD_BYTES = 5e9;

const WEIGHTS = /^model(-\d+-of-\d+)?\.safetensors(\.index\.json)?$/;
/** No index makes us remove anything else. */
const SHARD = /\.safetensors$/;

export interface HfFolderOptions {
  readonly out: string;
  readonly force: boolean;
  /** The RoPE keys are final; the rest is the model's. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly weights: WeightMode;
  /** Given: the weights are written anew in this type. Always so for GGUF, default float32. */
  readonly dtype?: HfDtype;
  /** Of weights that are written anew; default 5 GB. Files that are copied or linked stay as they are. */
  readonly maxShardBytes?: number;
  /** Another tokenizer than the model's own, as `openTokenizer` takes it. */
  readonly tokenizer?: string;
  /** Further files: name -> text. */
  readonly extra: ReadonlyMap<string, string>;
  readonly progress: ExportProgress;
}

/** Writes a Hugging Face folder of the model with another config. Nothing is left at `out` when it fails. */
export async function writeHfFolder(model: Model, options: HfFolderOptions): Promise<PlacedFile[]> {
  const rewritten = isRewritten(model, options);
  await checkRequest(model, options);
  const placed: PlacedFile[] = [];
  // Copied shards keep their names, whatever these are.
  const shards = new Set(options.force && options.weights !== 'none' ? await indexedFiles(options.out) : []);
  const outdated = (name: string) => isOurs(name, options.weights) || (shards.has(name) && SHARD.test(name));
  await replaceFolder(options.out, { force: options.force, outdated, last: 'config.json' }, async (staging) => {
    if (rewritten) placed.push(...(await rewriteWeights(model, staging, options)));
    else if (options.weights !== 'none')
      placed.push(...(await placeWeights(model, staging, options.weights, options.progress)));
    placed.push(...(await placeCompanions(model, staging, options.config, options.tokenizer)));
    const texts = new Map([...options.extra, ['config.json', configText(model, options, rewritten)]]);
    for (const [name, text] of texts) {
      await writeFile(path.join(staging, name), text);
      placed.push({ name, bytes: Buffer.byteLength(text), how: 'written' });
    }
  });
  return placed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function isRewritten({ checkpoint }: Model, { weights, dtype }: HfFolderOptions): boolean {
  return weights !== 'none' && (checkpoint.format === 'gguf' || dtype !== undefined);
}

/** What an export before has written and this one may not write: readers would take it for a part of this model. */
function isOurs(name: string, weights: WeightMode): boolean {
  return name === FACTOR_SETS_NAME || belongsToModel(name) || (weights !== 'none' && WEIGHTS.test(name));
}

async function checkRequest(model: Model, options: HfFolderOptions): Promise<void> {
  const { out, weights, dtype, maxShardBytes } = options;
  const problems: Problem[] = [];
  const isGguf = model.checkpoint.format === 'gguf';
  const target = await realpath(out).catch(() => path.resolve(out));
  if (!isGguf && (await realpath(model.path)) === target)
    problems.push({ where: '--out', expected: 'another folder than that of the model', found: out });
  if (weights === 'link' && (isGguf || dtype !== undefined))
    problems.push({
      where: '--weights link',
      expected: 'safetensors weights that stay as they are',
      found: isGguf ? 'a GGUF file, whose weights have to be written anew' : '--dtype, which writes them anew',
      fix: 'use --weights copy',
    });
  if (maxShardBytes !== undefined && !isRewritten(model, options))
    problems.push({
      where: '--max-shard-size',
      expected: 'weights that are written anew',
      found:
        weights === 'none'
          ? '--weights none'
          : `files that are ${weights === 'copy' ? 'copied' : 'linked'} as they are`,
      ...(weights === 'copy' && { fix: 'give --dtype too, with which they are' }),
    });
  if (weights === 'none' && dtype !== undefined)
    problems.push({ where: '--dtype', expected: '--weights copy', found: '--weights none' });
  if (isGguf && weights !== 'none' && CLASSES[model.spec.architecture] === undefined)
    problems.push({
      where: model.path,
      expected: `a GGUF file of ${Object.keys(CLASSES).join(', ')}`,
      found: model.spec.architecture,
      fix: 'export from the Hugging Face folder of the model',
    });
  if (problems.length > 0) throw new UserError('unsupported', problems);
}

async function rewriteWeights(model: Model, staging: string, options: HfFolderOptions): Promise<PlacedFile[]> {
  const dtype = DTYPES[options.dtype ?? 'float32'];
  const tensors = exportTensors(model);
  const total = tensors.reduce((sum, { stored }) => sum + encodedBytes(stored.shape, dtype), 0);
  await checkSpace(path.dirname(staging), total, EXPORTED, ROOM);
  const { rotaryPairing, headDim, rope } = model.spec;
  const orderOf = ({ rotaryHeads }: ExportTensor) =>
    rotaryPairing === 'adjacent' && rotaryHeads !== null ? neighboursToHalves(headDim, rope.geometry.rotaryDim) : null;
  const files = await writeSafetensorsFiles(
    staging,
    tensors.map((tensor) => ({ name: tensor.name, stored: tensor.stored, order: orderOf(tensor) })),
    { dtype, maxShardBytes: options.maxShardBytes ?? MAX_SHARD_BYTES, onBytes: options.progress.counter(total) },
  );
  return files.map((file) => ({ ...file, how: 'written' }));
}

async function placeWeights(
  model: Model,
  staging: string,
  mode: 'copy' | 'link',
  progress: ExportProgress,
): Promise<PlacedFile[]> {
  await checkFinite(model);
  const folder = model.path;
  const chosen = await weightFiles(folder);
  const sizes = await Promise.all(chosen.map((name) => stat(path.join(folder, name))));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  if (mode === 'copy') await checkSpace(path.dirname(staging), total, EXPORTED, ROOM);
  const advance = progress.counter(total);
  const placed: PlacedFile[] = [];
  for (const name of chosen) {
    advance(0, name);
    const file = await placeFile(await realpath(path.join(folder, name)), staging, name, mode);
    placed.push(file);
    advance(file.bytes, name);
  }
  return placed;
}

function configText(model: Model, { config, dtype }: HfFolderOptions, rewritten: boolean): string {
  const architecture = CLASSES[model.spec.architecture];
  const isGguf = model.checkpoint.format === 'gguf';
  const type = dtype ?? 'float32';
  const full = {
    ...(isGguf && architecture !== undefined && { architectures: [architecture] }),
    ...config,
    // transformers 4 reads torch_dtype, 5 reads dtype.
    ...((rewritten || isGguf) && { dtype: type, torch_dtype: type }),
  };
  return configJson(full);
}
