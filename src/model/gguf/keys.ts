import { type ErrorKind, UserError } from '../../errors.js';
import { describeValue } from '../describe.js';
import type { Checkpoint, GgufValue } from '../types.js';

export type GgufCheckpoint = Extract<Checkpoint, { format: 'gguf' }>;

/** Hugging Face key -> GGUF key without its architecture prefix. */
export const CONFIG_KEYS: Readonly<Record<string, string>> = {
  num_hidden_layers: 'block_count',
  hidden_size: 'embedding_length',
  intermediate_size: 'feed_forward_length',
  num_attention_heads: 'attention.head_count',
  num_key_value_heads: 'attention.head_count_kv',
  head_dim: 'attention.key_length',
  rms_norm_eps: 'attention.layer_norm_rms_epsilon',
  vocab_size: 'vocab_size',
  max_position_embeddings: 'context_length',
  rope_theta: 'rope.freq_base',
  sliding_window: 'attention.sliding_window',
};

/** Reads `{arch}.{key}` of one file. */
export class GgufKeys {
  readonly architecture: string;
  readonly #checkpoint: GgufCheckpoint;

  constructor(checkpoint: GgufCheckpoint) {
    this.#checkpoint = checkpoint;
    const architecture = checkpoint.metadata.get('general.architecture');
    if (typeof architecture !== 'string')
      throw new UserError('input', {
        where: `${checkpoint.files[0]}: general.architecture`,
        expected: 'the name of an architecture',
        found: describeValue(architecture),
      });
    this.architecture = architecture;
  }

  get(key: string): GgufValue | undefined {
    return this.#checkpoint.metadata.get(`${this.architecture}.${key}`);
  }

  /** A number; float32 values as the shortest decimal that rounds to them (1e-5, not 9.99999974e-6). Others are refused. */
  number(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined || typeof value === 'number')
      return value === undefined ? undefined : shortestFloat32(value);
    return this.refuse('input', key, 'a number', describeValue(value));
  }

  refuse(kind: ErrorKind, key: string, expected: string, found: string, fix?: string): never {
    throw new UserError(kind, { where: this.locate(key), expected, found, ...(fix === undefined ? {} : { fix }) });
  }

  locate(key: string): string {
    return `${this.#checkpoint.files[0]}: ${this.architecture}.${key}`;
  }

  /** Where the value of a Hugging Face key comes from. */
  readonly locateConfigKey = (key: string): string => {
    const own = CONFIG_KEYS[key];
    return own === undefined ? `${this.#checkpoint.files[0]}: ${key}` : this.locate(own);
  };
}

/** The decimal of fewest digits that is `value` as a float32; other values unchanged. */
export function shortestFloat32(value: number): number {
  if (Number.isInteger(value) || Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === value) return decimal;
  }
  return value;
}
