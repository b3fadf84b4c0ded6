import type { RopeGeometry, RopeScaling } from '../rope/types.js';

export type FloatDtype = 'F32' | 'F16' | 'BF16';
export type QuantizedDtype = 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q4_K' | 'Q5_K' | 'Q6_K';
export type TensorDtype = FloatDtype | QuantizedDtype;

/** Where a tensor lies on disk. `shape` is row-major (rows first), also for GGUF, whose file order is reversed. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
  /** Absolute path of the file that holds the bytes. */
  readonly file: string;
  /** Byte offset of the first element in that file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** GGUF metadata value; int64 values are numbers when safe, otherwise bigint. */
export type GgufValue = number | bigint | boolean | string | readonly GgufValue[];

/** `unreadable`: tensors of a dtype this program has no decoder for, name -> dtype; harmless unless the decoder needs them. */
export type Checkpoint =
  | {
      readonly format: 'safetensors';
      readonly files: readonly string[];
      readonly tensors: ReadonlyMap<string, StoredTensor>;
      readonly unreadable: ReadonlyMap<string, string>;
    }
  | {
      readonly format: 'gguf';
      readonly files: readonly string[];
      readonly tensors: ReadonlyMap<string, StoredTensor>;
      readonly unreadable: ReadonlyMap<string, string>;
      readonly metadata: ReadonlyMap<string, GgufValue>;
    };

/** How a decoder is built, with all defaults resolved: what the graph builder reads, and nothing else. */
export interface DecoderSpec {
  /** Name of the architecture declaration, e.g. 'llama'. */
  readonly architecture: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabularySize: number;
  readonly normEpsilon: number;
  readonly activation: 'silu' | 'gelu-tanh';
  readonly tiedEmbeddings: boolean;
  readonly attentionBias: {
    readonly query: boolean;
    readonly key: boolean;
    readonly value: boolean;
    readonly output: boolean;
  };
  readonly mlpBias: boolean;
  /** Where a block normalises: what goes into attention and MLP, what comes out of them, or both. */
  readonly normPlacement: NormPlacement;
  /** Added to every norm weight: 1 where checkpoints keep weight - 1 (gemma). */
  readonly normOffset: 0 | 1;
  /** Norm of queries and keys before they turn: per head, or over the whole projection. */
  readonly queryKeyNorm: 'none' | 'head' | 'projection';
  /** Multiplies the embeddings. */
  readonly embeddingScale: number;
  /** s becomes cap * tanh(s / cap) before the softmax; null = no cap. */
  readonly attentionSoftcap: number | null;
  /** The same for the logits of the vocabulary. */
  readonly logitSoftcap: number | null;
  /** Mixture of experts in place of the one MLP; null = one MLP. */
  readonly experts: { readonly count: number; readonly perToken: number } | null;
  /** Window per layer in tokens; null = full attention. */
  readonly slidingWindow: readonly (number | null)[];
  /** 'half' pairs (i, i + d/2) as Hugging Face; 'adjacent' pairs (2i, 2i+1) as llama-arch GGUF. */
  readonly rotaryPairing: 'half' | 'adjacent';
  /** 1/sqrt(headDim) unless the architecture says otherwise. */
  readonly attentionScale: number;
  /** How each layer turns: by `rope` (which searches rescale), by `localRope`, or not at all (NoPE). */
  readonly rotation: readonly Rotation[];
  readonly rope: RopeSpec;
  /** RoPE of the local layers, which keeps its own base and is never rescaled; null = no layer is local. */
  readonly localRope: LocalRope | null;
}

export type NormPlacement = 'before' | 'after' | 'both';
export type Rotation = 'global' | 'local' | 'none';

export interface LocalRope {
  readonly geometry: RopeGeometry;
  readonly scaling: RopeScaling;
}

export interface RopeSpec {
  readonly geometry: RopeGeometry;
  readonly scaling: RopeScaling;
  /** Length the base frequencies were trained for; targets are measured against it. */
  readonly originalLength: number;
  /** What the config claims to support (max_position_embeddings). */
  readonly maxPositionEmbeddings: number;
}

/** A model as the rest of the program sees it. Tensor names are those of the Hugging Face class, unfused. */
export interface Model {
  /** The path the user gave. */
  readonly path: string;
  readonly spec: DecoderSpec;
  readonly checkpoint: Checkpoint;
  /** canonical name -> stored tensor */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /**
   * config.json as read, but that it never ties a head which the checkpoint has a matrix for; for GGUF the same keys made from its
   * metadata, so that a config.json can be written from it.
   */
  readonly config: Readonly<Record<string, unknown>>;
  /** The same without that change: what the model is known by. */
  readonly configAsRead: Readonly<Record<string, unknown>>;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
}
