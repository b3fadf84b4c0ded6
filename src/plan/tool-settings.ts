import { longropeAttentionFactor } from '../rope/attention-factor.js';
import type { RopeGeometry } from '../rope/types.js';

export interface ToolSettings {
  readonly tool: string;
  /** Keys or flags as that tool has them. */
  readonly lines: readonly string[];
  readonly note?: string;
}

export interface SettingsRequest {
  readonly model: string;
  readonly architecture: string;
  readonly geometry: RopeGeometry;
  /** RoPE of local layers, which nothing rescales; null: all layers turn alike. */
  readonly localGeometry: RopeGeometry | null;
  readonly original: number;
  readonly target: number;
}

/** Whose GGUF loaders read factor lists. */
const LLAMA_CPP_FACTORS = ['llama', 'mistral', 'phi3'];

/**
 * Without a search: YaRN, which every tool computes by itself, in the words of each. `factor` is the exact ratio of the
 * lengths, as engines that read one or the other disagree otherwise.
 */
export function yarnSettings(request: SettingsRequest): ToolSettings[] {
  const { model, architecture, geometry, localGeometry, original, target } = request;
  const factor = target / original;
  if (architecture === 'phi3') return listSettings(request, `yarn:${factor}@longrope`, PHI3_YARN);
  const block = {
    rope_type: 'yarn',
    rope_theta: geometry.theta,
    ...partial(geometry),
    factor,
    original_max_position_embeddings: original,
  };
  const json = JSON.stringify(block);
  const isLayered = localGeometry !== null;
  const local = { rope_type: 'default', rope_theta: localGeometry?.theta };
  const parameters = isLayered ? JSON.stringify({ full_attention: block, sliding_attention: local }) : json;
  const overridden = isLayered ? `"rope_parameters": ${parameters}` : `"rope_scaling": ${json}`;
  return [
    {
      tool: 'transformers (config.json)',
      lines: [`"max_position_embeddings": ${target}`, `"rope_scaling": ${json}`],
      note: isLayered
        ? 'v5 lays rope_scaling over the block of global layers; local layers keep theirs'
        : 'v5 reads rope_scaling too; write no other rope_parameters beside it',
    },
    {
      tool: 'vLLM',
      lines: [`vllm serve ${model} --max-model-len ${target} --hf-overrides '{"rope_parameters": ${parameters}}'`],
      note: 'before 0.11: keys rope_scaling and rope_theta',
    },
    {
      tool: 'SGLang',
      lines: [
        `python -m sglang.launch_server --model-path ${model} --context-length ${target} --json-model-override-args '{${overridden}}'`,
      ],
    },
    {
      tool: 'llama.cpp',
      lines: [
        `llama-server -m MODEL.gguf -c ${target} --rope-scaling yarn --rope-scale ${factor} --yarn-orig-ctx ${original}`,
      ],
      note: isLayered
        ? 'not confirmed for local layers, which must keep their own RoPE: compare before relying on it'
        : '-c is shared among --parallel slots',
    },
    {
      tool: 'axolotl',
      lines: [
        `sequence_len: ${target}`,
        `overrides_of_model_config: {max_position_embeddings: ${target}, rope_scaling: ${json}}`,
      ],
      note: 'a top-level rope_scaling is rejected',
    },
    {
      tool: 'LLaMA-Factory',
      lines: [`cutoff_len: ${target}`, 'rope_scaling: yarn'],
      note: 'it computes its own factor from cutoff_len; to be sure of it, put the block into config.json and leave rope_scaling out',
    },
  ];
}

const PHI3_YARN =
  'a phi3 config cannot say yarn: its class reads it as longrope and then lacks the lists. These are YaRN, with the attention factor that every engine computes';

/** With searched factors, which `export` writes into the files: what is left to say to each tool. */
export function longropeSettings(request: SettingsRequest): ToolSettings[] {
  const note = 'attention_factor is the default; a search finds its own';
  return listSettings(request, `runs/${request.target}/factors.json`, note);
}

/** With lists of factors in the files, from what `--rope` names. */
function listSettings(request: SettingsRequest, rope: string, note: string): ToolSettings[] {
  const { model, architecture, geometry, localGeometry, original, target } = request;
  const factor = target / original;
  const entries = `${geometry.rotaryDim / 2} numbers`;
  const lists = `"short_factor": [${entries}], "long_factor": [${entries}]`;
  const block = JSON.stringify({
    rope_type: 'longrope',
    type: 'longrope',
    rope_theta: geometry.theta,
    ...partial(geometry),
    factor,
    original_max_position_embeddings: original,
    attention_factor: longropeAttentionFactor(factor, original),
  });
  return [
    {
      tool: 'transformers (config.json)',
      lines: [
        `npx longrope export hf ${model} --rope ${rope} --out extended`,
        `"max_position_embeddings": ${target}`,
        `"original_max_position_embeddings": ${original}`,
        `"rope_scaling": ${block.slice(0, -1)}, ${lists}}, and the same as "rope_parameters${localGeometry === null ? '' : '.full_attention'}"`,
      ],
      note,
    },
    {
      tool: 'vLLM',
      lines: [`npx longrope export hf ... --engine vllm`, `vllm serve extended --max-model-len ${target}`],
      note: `without --max-model-len it serves ${original} tokens; above that, long factors serve every request`,
    },
    localGeometry === null
      ? {
          tool: 'SGLang',
          lines: [
            `npx longrope export hf ... --engine sglang`,
            `python -m sglang.launch_server --model-path extended --context-length ${target}`,
          ],
        }
      : { tool: 'SGLang', lines: [], note: `cannot: its ${architecture} never changes to the long factors` },
    LLAMA_CPP_FACTORS.includes(architecture)
      ? {
          tool: 'llama.cpp',
          lines: [
            `npx longrope export gguf ${model} --rope ${rope} --out extended.gguf`,
            `llama-server -m extended.gguf -c ${target} --parallel 1`,
          ],
          note: 'no --rope-scale or --rope-scaling: the factors are in the file, and a scale would divide once more',
        }
      : {
          tool: 'llama.cpp',
          lines: [],
          note: `cannot: it reads factor lists for ${LLAMA_CPP_FACTORS.join(', ')} only, not for ${architecture}`,
        },
    {
      tool: 'axolotl',
      lines: [
        'base_model: extended',
        `sequence_len: ${target}`,
        'flash_attention: true',
        'micro_batch_size: 1',
        'context_parallel_size: GPUS',
      ],
      note: 'the factors come from config.json',
    },
    {
      tool: 'LLaMA-Factory',
      lines: ['model_name_or_path: extended', `cutoff_len: ${target}`, 'flash_attn: fa2'],
      note: 'leave rope_scaling out: its choices would overwrite the factors',
    },
  ];
}

/** What every engine that splits sequences does to longrope's switch. */
export const SHARD_HAZARD =
  'train with short_factor equal to long_factor: with sequence parallelism transformers chooses the list by the positions of each shard, so the first shards of a long text would use the short one';

function partial({ rotaryDim, headDim }: RopeGeometry): { partial_rotary_factor?: number } {
  return rotaryDim < headDim ? { partial_rotary_factor: rotaryDim / headDim } : {};
}
