import { type Problem, UserError } from '../errors.js';
import {
  type DecoderConfig,
  headDimension,
  isHeadDimension,
  type LocateKey,
  parseDecoderConfig,
} from './decoder-config.js';
import { parseRopeConfig } from './rope-config.js';
import type { DecoderSpec, RopeSpec } from './types.js';

/**
 * What makes an architecture differ from the base block of llama (pre-norm RMSNorm, gated MLP, grouped-query attention,
 * rotary positions), as data. A field that is left out means: as the base block.
 */
export interface ArchitectureDeclaration {
  readonly name: string;
  /** `model_type` of Hugging Face configs. */
  readonly modelTypes: readonly string[];
  /** `general.architecture` of GGUF files, and which values their rotary kernel pairs. */
  readonly gguf: { readonly architectures: readonly string[]; readonly rotaryPairing: DecoderSpec['rotaryPairing'] };
  /** What the Hugging Face config class assumes for absent keys, where it differs from `LlamaConfig`. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** `hidden_act` -> activation. */
  readonly activations: Readonly<Record<string, DecoderSpec['activation']>>;
  readonly attentionBias?: (config: DecoderConfig) => DecoderSpec['attentionBias'];
  readonly mlpBias?: (config: DecoderConfig) => boolean;
  /** Tokens that a layer sees, null for all. */
  readonly slidingWindow?: (config: DecoderConfig, layer: number) => number | null;
  /**
   * Canonical module -> module in the checkpoint, below `model.layers.N`. Modules with the same target are fused: their rows
   * follow each other in canonical order (`self_attn.q_proj`, `k_proj`, `v_proj` in one `qkv_proj`).
   */
  readonly storedModules?: Readonly<Record<string, string>>;
}

const NO_BIAS: DecoderSpec['attentionBias'] = { query: false, key: false, value: false, output: false };

export interface ResolvedDecoder {
  readonly spec: DecoderSpec;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
}

/**
 * A decoder from a config with Hugging Face keys (v4 or v5), all defaults filled in. `hasOutputHead` says whether the
 * checkpoint has a matrix `lm_head`, which then wins over `tie_word_embeddings`, as in transformers 5.
 * Throws one `UserError` with every problem; `locate` names the places.
 */
export function resolveDecoder(
  declaration: ArchitectureDeclaration,
  rawConfig: Readonly<Record<string, unknown>>,
  source: { locate: LocateKey; rotaryPairing: DecoderSpec['rotaryPairing']; hasOutputHead: boolean },
): ResolvedDecoder {
  const parsed = parseDecoderConfig(rawConfig, declaration.defaults ?? {}, source.locate);
  const problems: Problem[] = 'problems' in parsed ? [...parsed.problems] : [];
  const headDim = headDimension('config' in parsed ? parsed.config : rawConfig);
  // With broken head sizes the rotary width is unknown, and lengths of factor lists cannot be judged.
  const rope = isHeadDimension(headDim)
    ? collect(problems, source.locate, () => parseRopeConfig(rawConfig, { headDim }))
    : undefined;
  if ('problems' in parsed || rope === undefined) throw new UserError('input', problems);
  const { config } = parsed;
  const activation = new Map(Object.entries(declaration.activations)).get(config.hidden_act);
  if (activation === undefined)
    throw new UserError('unsupported', {
      where: source.locate('hidden_act'),
      expected: `${Object.keys(declaration.activations).join(' or ')} (${declaration.name})`,
      found: config.hidden_act,
    });
  return {
    spec: {
      architecture: declaration.name,
      layers: config.num_hidden_layers,
      hiddenSize: config.hidden_size,
      heads: config.num_attention_heads,
      keyValueHeads: config.num_key_value_heads ?? config.num_attention_heads,
      headDim,
      intermediateSize: config.intermediate_size,
      vocabularySize: config.vocab_size,
      normEpsilon: config.rms_norm_eps,
      activation,
      tiedEmbeddings: config.tie_word_embeddings && !source.hasOutputHead,
      attentionBias: declaration.attentionBias?.(config) ?? NO_BIAS,
      mlpBias: declaration.mlpBias?.(config) ?? false,
      slidingWindow: Array.from(
        { length: config.num_hidden_layers },
        (_, layer) => declaration.slidingWindow?.(config, layer) ?? null,
      ),
      rotaryPairing: source.rotaryPairing,
      attentionScale: 1 / Math.sqrt(headDim),
      rope,
    },
    bosTokenId: config.bos_token_id ?? null,
    eosTokenIds: [config.eos_token_id ?? []].flat(),
  };
}

/** The result of `parse`, or nothing and its problems, located, added to the others. */
function collect(problems: Problem[], locate: LocateKey, parse: () => RopeSpec): RopeSpec | undefined {
  try {
    return parse();
  } catch (error) {
    // A type of RoPE that is not supported is another kind of failure than a wrong key.
    if (!(error instanceof UserError)) throw error;
    const located = error.problems.map((problem) => ({ ...problem, where: locate(problem.where) }));
    if (error.kind !== 'input') throw new UserError(error.kind, [...problems, ...located]);
    problems.push(...located);
    return undefined;
  }
}
