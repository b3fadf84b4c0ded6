import type { Config } from '../../../model/rope-block.js';
import { longropeAttentionFactor } from '../../../rope/attention-factor.js';
import { hasLayerRopes } from '../layer-ropes.js';
import { classOf, isPhi3, PHI3_DEFAULT_ORIGINAL } from '../model-class.js';
import { geometryOf, number } from '../raw-config.js';
import type { TrapList } from './trap.js';

interface Place {
  readonly name: string;
  readonly block: Config;
  readonly headDim: number;
  readonly partial: number;
}

export function longropeTraps(list: TrapList, config: Config, place: Place): void {
  const { name, block } = place;
  const top = number(config['original_max_position_embeddings']);
  const nested = number(block['original_max_position_embeddings']);
  const original = top ?? nested ?? (isPhi3(config) ? PHI3_DEFAULT_ORIGINAL : undefined);
  const maximum = number(config['max_position_embeddings']);
  lengthTraps(list, config, { name, block, top, nested });
  listTraps(list, place);
  if (original === undefined || maximum === undefined) return;
  factorTraps(list, { name, block, original, maximum });
  if (maximum > original) switchTraps(list, config, { original, maximum, top });
}

function lengthTraps(
  list: TrapList,
  config: Config,
  { name, block, top, nested }: { name: string; block: Config; top: number | undefined; nested: number | undefined },
): void {
  const factor = number(block['factor']);
  const window = number(config['sliding_window']);
  if (top === undefined && nested === undefined)
    list.add(
      'original-missing',
      'original_max_position_embeddings',
      `engines take ${isPhi3(config) ? "Phi3Config's 4096" : 'max_position_embeddings and never choose the long factors'}`,
      'write it at top level and inside the block',
    );
  else if (top === undefined)
    list.add(
      'original-not-top',
      `${name}.original_max_position_embeddings`,
      'transformers v4 and the default length of vLLM look at top level',
      'write it at top level too',
    );
  else if (nested !== undefined && nested !== top)
    list.add(
      'original-conflict',
      `${name}.original_max_position_embeddings`,
      `${nested} inside, ${top} at top level, which wins`,
      'write the same number in both',
    );
  if (nested === undefined && factor !== undefined && factor !== 1)
    list.add(
      'sglang-context',
      `${name}.factor`,
      `SGLang on transformers 4 multiplies the context by ${factor} when the block has no original length`,
      'write original_max_position_embeddings inside the block',
    );
  if (window !== undefined && (window === top || window === nested))
    list.add(
      'sliding-window',
      'original_max_position_embeddings',
      `${window} equals sliding_window: the window is not the trained length`,
      'check which length the model was trained at',
    );
}

function listTraps(list: TrapList, { name, block, headDim, partial }: Place): void {
  const pairs = geometryOf(headDim, 10_000, partial).rotaryDim / 2;
  for (const key of ['short_factor', 'long_factor']) {
    const factors = block[key];
    if (!Array.isArray(factors)) continue;
    const values = factors.map(Number);
    if (values.length !== pairs)
      list.add(
        'list-length',
        `${name}.${key}`,
        `${values.length} factors for ${pairs} rotary pairs`,
        'one factor per pair of the rotary part of a head (int(head_dim x partial_rotary_factor) / 2)',
      );
    const below = values.filter((value) => value < 1).length;
    if (below > 0)
      list.add(
        'factor-below-1',
        `${name}.${key}`,
        `${below} of ${values.length} are below 1: these pairs turn faster than they were trained`,
        'fine if they were searched (published tables have some); else a division the wrong way round',
      );
    const falls = values.findIndex((value, pair) => value < (values[pair - 1] ?? 0));
    if (falls > 0)
      list.add(
        'factor-falls',
        `${name}.${key}`,
        `falls at pair ${falls}: ${values[falls - 1]} to ${values[falls]}`,
        'fine if it was searched without the monotone bound; else check the order of the list',
      );
  }
}

function factorTraps(
  list: TrapList,
  { name, block, original, maximum }: { name: string; block: Config; original: number; maximum: number },
): void {
  const ratio = maximum / original;
  const factor = number(block['factor']);
  if (factor !== undefined && Math.abs(factor / ratio - 1) > 1e-6)
    list.add(
      'factor-ratio',
      `${name}.factor`,
      `${factor}, but the lengths give ${ratio}: transformers v5 takes the factor, all others the ratio`,
      `write "factor": ${ratio}`,
    );
  const attention = number(block['attention_factor']);
  const formula = longropeAttentionFactor(ratio, original);
  const mscale = number(block['long_mscale']) ?? number(block['short_mscale']);
  if (attention !== undefined && Math.abs(attention / formula - 1) > 1e-6)
    list.add(
      'attention-recomputed',
      `${name}.attention_factor`,
      `${attention}: ${mscale === undefined ? "vLLM, SGLang, onnxruntime-genai and llama.cpp's converter compute" : "llama.cpp's converter computes"} ${formula}`,
      'short_mscale and long_mscale (vLLM, SGLang, genai); rope.scaling.attn_factor in the GGUF (longrope export gguf)',
    );
  if (mscale !== undefined && attention === undefined && Math.abs(mscale / formula - 1) > 1e-6)
    list.add(
      'mscale-only',
      `${name}.long_mscale`,
      `${mscale}: transformers and llama.cpp's converter compute ${formula}`,
      'write attention_factor, short_mscale and long_mscale, all the same',
    );
}

function switchTraps(
  list: TrapList,
  config: Config,
  { original, maximum, top }: { original: number; maximum: number; top: number | undefined },
): void {
  const served = top ?? (isPhi3(config) ? PHI3_DEFAULT_ORIGINAL : maximum);
  if (served < maximum)
    list.add(
      'vllm-length',
      'max_position_embeddings',
      `vLLM serves ${served} tokens unless told`,
      `--max-model-len ${maximum}`,
    );
  list.add(
    'per-forward-switch',
    'original_max_position_embeddings',
    `transformers and SGLang choose the table by the last position of one forward pass: chunks and shards that end by ${original} turn with the short factors, later ones with the long`,
    `prefill in one piece (or chunks above ${original}); train with short_factor = long_factor`,
  );
  if (!hasLayerRopes(config))
    list.add(
      'sglang-boundary',
      'original_max_position_embeddings',
      `SGLang changes tables one token late, and turns position ${original} as position 0 at ${original + 1} tokens`,
      `nothing to do above ${original + 1} tokens`,
    );
  if (isPhi3(config) && original !== 4096)
    list.add(
      'genai-rewind',
      'original_max_position_embeddings',
      `onnxruntime-genai rewinds its cache at 4097 tokens whatever the file says, its tables change at ${original + 1}`,
      'keep a session on one side of the boundary',
    );
  const isMiniCpm = classOf(config) === 'MiniCPMForCausalLM';
  if (isMiniCpm)
    list.add(
      'minicpm-original',
      'original_max_position_embeddings',
      "llama.cpp's converter writes the lists but no original length: the long ones are never chosen",
      'add minicpm.rope.scaling.original_context_length to the GGUF',
    );
  else if (!isPhi3(config))
    list.add(
      'converter-drops',
      'rope_scaling',
      "llama.cpp's converter writes no factors for this class, onnxruntime-genai's builder neither",
      'longrope export gguf (llama, mistral); other classes have no lever there',
    );
}
