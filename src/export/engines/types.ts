import type { Config } from '../../model/rope-block.js';

/** A config.json as it is on disk: which key holds a value decides what an engine sees. */
export interface ConfigSource {
  readonly format: 'config';
  /** Name of the file, for messages. */
  readonly file: string;
  /** `text_config` laid over the rest, as engines read composite models. */
  readonly config: Config;
  readonly headDim: number;
  /** Top-level keys that come from `text_config`. */
  readonly nested: ReadonlySet<string>;
  /** Top-level keys that the file lacks, with the value that the model's class has for them. */
  readonly assumed: ReadonlySet<string>;
}

/** The RoPE metadata and factor tensors of a GGUF file. */
export interface GgufSource {
  readonly format: 'gguf';
  readonly file: string;
  readonly architecture: string;
  readonly theta: number;
  /** Base of local layers, of architectures that have them; their frequencies are never divided. */
  readonly localTheta?: number;
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
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly short?: readonly number[];
  readonly long?: readonly number[];
  /** `rope_freqs.weight`. */
  readonly frequencies?: readonly number[];
  /** Keys below the architecture that the file has; the other values are llama.cpp's defaults. */
  readonly keys: ReadonlySet<string>;
}

export type RopeSource = ConfigSource | GgufSource;

export const TABLES = ['single', 'short', 'long'] as const;
export type Table = (typeof TABLES)[number];

/** What an engine rotates with. */
export interface BuiltRope {
  readonly outcome: 'built';
  readonly table: Table;
  /** radians per position per rotary pair, fastest first. */
  readonly inverseFrequency: Float32Array;
  /** The same for local layers, where the class has RoPE of their own for them. Their attention factor is 1. */
  readonly localInverseFrequency?: Float32Array | undefined;
  /** Multiplies cos and sin. */
  readonly attentionFactor: number;
  /** Tokens that the engine offers without further flags. */
  readonly effectiveContext: number;
  /** What the file says and this engine does not apply. */
  readonly dropped: readonly string[];
  readonly notes: readonly string[];
  /** What makes this engine do what the file means; absent = nothing does. */
  readonly lever?: string | undefined;
  /** A position that is turned by angle 0 (a row of the wrong table). */
  readonly zeroAngleAt?: number;
}

export type EngineRope =
  | BuiltRope
  /** The engine stops with an error. */
  | { readonly outcome: 'refused'; readonly reason: string; readonly lever?: string | undefined }
  /** Our sources do not say what the engine does. */
  | { readonly outcome: 'unknown'; readonly reason: string };

export interface Engine {
  readonly name: string;
  /** Release or commit whose source the rules were read from. */
  readonly version: string;
  readonly reads: readonly RopeSource['format'][];
  /** What the engine builds for a sequence of `length` tokens in a window of just that length. */
  readonly build: (source: RopeSource, length: number) => EngineRope;
}
