import type { Config } from '../../model/rope-block.js';

/** A config.json as it is on disk: which key holds a value decides what an engine sees. */
export interface ConfigSource {
  readonly format: 'config';
  readonly config: Config;
  readonly headDim: number;
}

/** The RoPE metadata and factor tensors of a GGUF file. */
export interface GgufSource {
  readonly format: 'gguf';
  readonly architecture: string;
  readonly theta: number;
  readonly headDim: number;
  readonly rotaryDim: number;
  readonly contextLength: number;
  /** Without the key: the context length, so that long factors are never chosen. */
  readonly originalLength: number;
  /** `rope.scaling.type`; llama.cpp takes an absent one as linear. */
  readonly type: string;
  /** `rope.scaling.factor`, 1 = absent. */
  readonly factor: number;
  readonly attentionFactor: number;
  readonly short?: readonly number[];
  readonly long?: readonly number[];
  /** `rope_freqs.weight`. */
  readonly frequencies?: readonly number[];
}

export type RopeSource = ConfigSource | GgufSource;

export const TABLES = ['single', 'short', 'long'] as const;
export type Table = (typeof TABLES)[number];

/** What an engine rotates with. `dropped`: what the file says and this engine does not apply. */
export interface BuiltRope {
  readonly outcome: 'built';
  readonly table: Table;
  /** radians per position per rotary pair, fastest first. */
  readonly inverseFrequency: Float32Array;
  /** Multiplies cos and sin. */
  readonly attentionFactor: number;
  /** Tokens that the engine offers without further flags. */
  readonly effectiveContext: number;
  readonly dropped: readonly string[];
  readonly notes: readonly string[];
}

export type EngineRope =
  | BuiltRope
  /** The engine stops with an error. */
  | { readonly outcome: 'refused'; readonly reason: string }
  /** Our sources do not say what the engine does. */
  | { readonly outcome: 'unknown'; readonly reason: string };

export interface Engine {
  readonly name: string;
  readonly reads: readonly RopeSource['format'][];
  /** What the engine builds for a sequence of `length` tokens in a window of just that length. */
  readonly build: (source: RopeSource, length: number) => EngineRope;
}
