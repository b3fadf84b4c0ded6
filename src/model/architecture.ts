import { type Problem, UserError } from '../errors.js';
import {
  type DecoderConfig,
  headDimension,
  isHeadDimension,
  type LayerType,
  type LocateKey,
  parseDecoderConfig,
} from './decoder-config.js';
import type { RopeConventions } from './rope-block.js';
import { parseRopeConfig } from './rope-config.js';
import type { DecoderSpec, LocalRope, RopeSpec, Rotation } from './types.js';

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
  /** `hidden_act` (or the key named here) -> activation. */
  readonly activations: Readonly<Record<string, DecoderSpec['activation']>>;
  readonly activationKey?: 'hidden_act' | 'hidden_activation';
  readonly attentionBias?: (config: DecoderConfig) => DecoderSpec['attentionBias'];
  readonly mlpBias?: (config: DecoderConfig) => boolean;
  readonly normPlacement?: DecoderSpec['normPlacement'];
  readonly normOffset?: DecoderSpec['normOffset'];
  readonly queryKeyNorm?: DecoderSpec['queryKeyNorm'];
  readonly embeddingScale?: (config: DecoderConfig) => number;
  readonly attentionScale?: (config: DecoderConfig) => number;
  readonly attentionSoftcap?: (config: DecoderConfig) => number | null;
  readonly logitSoftcap?: (config: DecoderConfig) => number | null;
  readonly experts?: (config: DecoderConfig) => DecoderSpec['experts'];
  /** Tokens that a layer sees, null for all. */
  readonly slidingWindow?: (config: DecoderConfig, layer: number) => number | null;
  readonly rotation?: (config: DecoderConfig, layer: number) => Rotation;
  /** How the config class reads RoPE keys, where it differs from what all of them do. */
  readonly rope?: RopeConventions;
  /** What is wrong with a config although every key by itself is fine. */
  readonly problems?: (config: DecoderConfig) => readonly ConfigProblem[];
  /**
   * Canonical module -> module in the checkpoint, below `model.layers.N`. Modules with the same target are fused: their rows
   * follow each other in canonical order (`self_attn.q_proj`, `k_proj`, `v_proj` in one `qkv_proj`).
   */
  readonly storedModules?: Readonly<Record<string, string>>;
}

export interface ConfigProblem {
  readonly key: string;
  readonly expected: string;
  readonly found: string;
}

const NO_BIAS: DecoderSpec['attentionBias'] = { query: false, key: false, value: false, output: false };

export interface ResolvedDecoder {
  readonly spec: DecoderSpec;
  /** The config ties a head that the checkpoint has a matrix for. */
  readonly tiesOwnHead: boolean;
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
  const filledConfig = { ...declaration.defaults, ...rawConfig };
  const headDim = headDimension('config' in parsed ? parsed.config : filledConfig);
  // With broken head sizes the rotary width is unknown, and lengths of factor lists cannot be judged.
  const conventions = declaration.rope ?? {};
  const parseRope = (layerType?: LayerType) =>
    isHeadDimension(headDim)
      ? collect(problems, source.locate, () =>
          parseRopeConfig(filledConfig, { headDim, conventions, ...(layerType && { layerType }) }),
        )
      : undefined;
  const byLayerType = conventions.thetaByLayerType !== undefined;
  const rope = byLayerType ? parseRope('full_attention') : parseRope();
  const local = byLayerType ? parseRope('sliding_attention') : undefined;
  if ('config' in parsed)
    for (const { key, expected, found } of declaration.problems?.(parsed.config) ?? [])
      problems.push({ where: source.locate(key), expected, found });
  if ('problems' in parsed || rope === undefined || problems.length > 0) throw new UserError('input', problems);
  const { config } = parsed;
  const activationKey = declaration.activationKey ?? 'hidden_act';
  const activationName = config[activationKey] ?? '';
  const activation = new Map(Object.entries(declaration.activations)).get(activationName);
  if (activation === undefined)
    throw new UserError('unsupported', {
      where: source.locate(activationKey),
      expected: `${Object.keys(declaration.activations).join(' or ')} (${declaration.name})`,
      found: activationName,
    });
  const perLayer = <Value>(of: (layer: number) => Value): Value[] =>
    Array.from({ length: config.num_hidden_layers }, (_, layer) => of(layer));
  const rotation = perLayer((layer) => declaration.rotation?.(config, layer) ?? 'global');
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
      normPlacement: declaration.normPlacement ?? 'before',
      normOffset: declaration.normOffset ?? 0,
      queryKeyNorm: declaration.queryKeyNorm ?? 'none',
      embeddingScale: declaration.embeddingScale?.(config) ?? 1,
      attentionSoftcap: declaration.attentionSoftcap?.(config) ?? null,
      logitSoftcap: declaration.logitSoftcap?.(config) ?? null,
      experts: declaration.experts?.(config) ?? null,
      slidingWindow: perLayer((layer) => declaration.slidingWindow?.(config, layer) ?? null),
      rotaryPairing: source.rotaryPairing,
      attentionScale: declaration.attentionScale?.(config) ?? 1 / Math.sqrt(headDim),
      rotation,
      rope,
      localRope:
        rotation.includes('local') && local !== undefined
          ? fixedRope(local, source.locate('rope_parameters.sliding_attention'))
          : null,
    },
    tiesOwnHead: config.tie_word_embeddings && source.hasOutputHead,
    bosTokenId: config.bos_token_id ?? null,
    eosTokenIds: [config.eos_token_id ?? []].flat(),
  };
}

/** One fixed table: it is made without the length of a text. */
export function fixedRope({ geometry, scaling }: RopeSpec, where: string): LocalRope {
  if (scaling.type === 'default' || scaling.type === 'linear') return { geometry, scaling };
  throw new UserError('unsupported', { where, expected: 'RoPE of type default or linear', found: scaling.type });
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
    // A top-level key is read for each layer type.
    const isNew = ({ where, expected }: Problem) =>
      !problems.some((known) => known.where === where && known.expected === expected);
    problems.push(...located.filter(isNew));
    return undefined;
  }
}
