import path from 'node:path';
import type { PreparedTensor } from '../model/index.js';
import type { FloatDtype } from '../model/types.js';
import type { ElementType, OnnxBuilder, Value } from './onnx-builder.js';

const ELEMENT_TYPE: Record<FloatDtype, ElementType> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

/** Where a graph gets its weights from, by canonical name. */
export interface WeightSource {
  has(name: string): boolean;
  /** Adds the weight as a float32 value, once to each graph. */
  add(builder: OnnxBuilder, name: string): Value;
}

/** The weights of one model, addressed relative to one folder, which is how ONNX external data is resolved. */
export class WeightTable implements WeightSource {
  readonly folder: string;
  readonly #weights: ReadonlyMap<string, PreparedTensor>;
  readonly #added = new WeakMap<OnnxBuilder, Map<string, Value>>();

  constructor(weights: Iterable<PreparedTensor>) {
    this.#weights = new Map([...weights].map((weight) => [weight.name, weight]));
    this.folder = commonFolder([...this.#weights.values()].map(({ file }) => file));
  }

  has(name: string): boolean {
    return this.#weights.has(name);
  }

  /**
   * Adds the weight as a float32 value, once to each graph (tied embeddings are asked for twice). Half-precision ones get a Cast,
   * which ONNX Runtime folds at load.
   */
  add(builder: OnnxBuilder, name: string): Value {
    const added = this.#added.get(builder) ?? new Map<string, Value>();
    this.#added.set(builder, added);
    const value = added.get(name) ?? this.#add(builder, name);
    added.set(name, value);
    return value;
  }

  #add(builder: OnnxBuilder, name: string): Value {
    const weight = this.#weights.get(name);
    if (weight === undefined) throw new Error(`no weight named ${name}`);
    const type = ELEMENT_TYPE[weight.dtype];
    const stored = builder.external(type === 'float32' ? name : `${name}.${type}`, type, weight.shape, {
      location: path.relative(this.folder, weight.file),
      offset: weight.offset,
      byteLength: weight.byteLength,
    });
    return type === 'float32' ? stored : builder.apply(name, 'Cast', [stored], { to: 1 });
  }
}

function commonFolder(files: readonly string[]): string {
  const folders = [...new Set(files.map((file) => path.dirname(file)))];
  let common = folders[0] ?? path.sep;
  while (
    !folders.every(
      (folder) => folder === common || folder.startsWith(common.endsWith(path.sep) ? common : common + path.sep),
    )
  )
    common = path.dirname(common);
  return common;
}
