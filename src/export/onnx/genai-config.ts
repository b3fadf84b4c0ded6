import type { Model } from '../../model/types.js';

export interface GenaiOptions {
  /** Relative to the folder. */
  readonly filename: string;
  readonly contextLength: number;
  /** Where the tables change; null: one table for every length. */
  readonly originalLength: number | null;
}

/** Types that onnxruntime-genai knows by the name of ours; others run as its plain `decoder`. */
const TYPES: readonly string[] = ['llama', 'mistral', 'phi3', 'qwen2', 'qwen3', 'gemma2', 'smollm3'];

/**
 * The types whose cache onnxruntime-genai computes anew when a sequence first passes the length. They differ in nothing else
 * (`Generator::InitializePhi3RopeThreshold`).
 */
const REREADING: ReadonlyMap<number, string> = new Map([
  [4096, 'phi3'],
  [8192, 'phi3small'],
]);

/** Whether onnxruntime-genai reads a sequence anew that grows past the original length, so that all its keys fit together. */
export function rereads(originalLength: number): boolean {
  return REREADING.has(originalLength);
}

/** genai_config.json: what onnxruntime-genai needs to know beside the graph. */
export function genaiConfig(model: Model, { filename, contextLength, originalLength }: GenaiOptions): object {
  const { spec, bosTokenId, eosTokenIds } = model;
  const own = TYPES.includes(spec.architecture) ? spec.architecture : 'decoder';
  const plain = own === 'phi3' ? 'llama' : own;
  const eos = eosTokenIds.length === 1 ? eosTokenIds[0] : [...eosTokenIds];
  const pad = model.config['pad_token_id'];
  return {
    model: {
      type: originalLength === null ? plain : (REREADING.get(originalLength) ?? plain),
      vocab_size: spec.vocabularySize,
      context_length: contextLength,
      ...(bosTokenId !== null && { bos_token_id: bosTokenId }),
      eos_token_id: eos,
      pad_token_id: typeof pad === 'number' ? pad : (eosTokenIds[0] ?? 0),
      decoder: {
        filename,
        head_size: spec.headDim,
        hidden_size: spec.hiddenSize,
        num_attention_heads: spec.heads,
        num_hidden_layers: spec.layers,
        num_key_value_heads: spec.keyValueHeads,
        session_options: { log_id: 'onnxruntime-genai', provider_options: [] },
        inputs: {
          input_ids: 'input_ids',
          attention_mask: 'attention_mask',
          past_key_names: 'past_key_values.%d.key',
          past_value_names: 'past_key_values.%d.value',
        },
        outputs: { logits: 'logits', present_key_names: 'present.%d.key', present_value_names: 'present.%d.value' },
      },
    },
    // One buffer of max_length tokens instead of a copy of the cache for every token.
    search: { do_sample: false, max_length: contextLength, num_beams: 1, past_present_share_buffer: true },
  };
}
