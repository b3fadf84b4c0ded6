import { type Problem, UserError } from '../errors.js';
import { cacheDirectory } from '../run/cache-directory.js';
import { sha256 } from '../run/hash.js';
import { isFloatDtype } from './checkpoint/layouts.js';
import { dequantizedWeights } from './dequantized-weights.js';
import { type Fingerprint, fingerprint } from './fingerprint.js';
import { sizeOfShape } from './tensor-shape.js';
import type { FloatDtype, Model, StoredTensor } from './types.js';

/** What a weight takes as the graph needs it: plain little-endian floats. */
export interface WeightSize {
  readonly dtype: FloatDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** A weight in a file that ONNX Runtime maps. */
export interface PreparedTensor extends WeightSize {
  /** Canonical name. */
  readonly name: string;
  /** Real path, because ONNX Runtime refuses links that leave the folder of the model. */
  readonly file: string;
  readonly offset: number;
}

export type PreparedWeights = readonly PreparedTensor[];

export interface WeightOptions {
  /** Default: `cacheDirectory()`. */
  readonly cacheDir?: string;
}

/**
 * Every tensor of the decoder as floats in a file. F32, F16 and BF16 tensors stay where they are; quantised ones are
 * decoded once into the cache. Rows keep their stored order. Refuses weights with NaN or infinity, as `checkFinite`.
 */
export async function prepareWeights(model: Model, options: WeightOptions = {}): Promise<PreparedWeights> {
  const cacheDir = options.cacheDir ?? cacheDirectory();
  await checkFinite(model, { cacheDir });
  const tensors = [...model.tensors].map(([name, tensor]) => ({ ...tensor, name }));
  const prepared = new Map<string, PreparedTensor>();
  for (const file of model.checkpoint.files) {
    const quantized = tensors.filter((tensor) => tensor.file === file && !isFloatDtype(tensor.dtype));
    if (quantized.length === 0) continue;
    const { sha256: before } = await fingerprintFile(model, file, cacheDir);
    for (const tensor of await dequantizedWeights({ file, sha256: before }, quantized, cacheDir))
      prepared.set(tensor.name, requireFloat(tensor));
    // A file that was replaced in between would leave its weights in the cache under the hash of its predecessor.
    if ((await fingerprintFile(model, file, cacheDir)).sha256 !== before)
      throw new UserError('input', { where: file, expected: 'a file at rest', found: 'changes while it was read' });
  }
  return tensors.map((tensor) => prepared.get(tensor.name) ?? requireFloat(tensor));
}

/** The sizes of what `prepareWeights` gives, without a look at the weights. */
export function preparedSizes({ tensors }: Model): WeightSize[] {
  return [...tensors.values()].map(({ dtype, shape, byteLength }) =>
    isFloatDtype(dtype) ? { dtype, shape, byteLength } : { dtype: 'F32', shape, byteLength: 4 * sizeOfShape(shape) },
  );
}

/**
 * sha256 over the bytes of all weight files and the config, in hex: equal hashes compute the same losses. Instant when the
 * files have been hashed before.
 */
export async function hashModel(model: Model, options: WeightOptions = {}): Promise<string> {
  const files = await fingerprints(model, options);
  const content = { files: files.map((file) => file.sha256), config: model.configAsRead };
  return sha256(JSON.stringify(content));
}

/** Throws one `UserError` that names every tensor of the decoder with a NaN or infinity, and where in it the first is. */
export async function checkFinite(model: Model, options: WeightOptions = {}): Promise<void> {
  const files = await fingerprints(model, options);
  const problems = files.flatMap(({ nonFinite }, i) =>
    nonFinite.map(
      ({ tensor, index }): Problem => ({
        where: `${model.checkpoint.files[i]}: ${tensor}`,
        expected: 'finite weights',
        found: `NaN or infinity at index ${index}`,
      }),
    ),
  );
  if (problems.length > 0) throw new UserError('input', problems);
}

async function fingerprints(model: Model, { cacheDir = cacheDirectory() }: WeightOptions): Promise<Fingerprint[]> {
  const found: Fingerprint[] = [];
  for (const file of model.checkpoint.files) found.push(await fingerprintFile(model, file, cacheDir));
  return found;
}

function fingerprintFile(model: Model, file: string, cacheDir: string): Promise<Fingerprint> {
  return fingerprint(
    file,
    [...model.checkpoint.tensors.values()].filter((tensor) => tensor.file === file),
    cacheDir,
  );
}

function requireFloat({ name, file, offset, byteLength, dtype, shape }: StoredTensor): PreparedTensor {
  if (!isFloatDtype(dtype)) throw new Error(`${name} is still ${dtype}`);
  return { name, file, offset, byteLength, dtype, shape };
}
