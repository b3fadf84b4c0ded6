import type { Config } from '../../model/rope-block.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import { passesFactors } from './llama-cpp.js';
import { blockOf, geometryOf, isPhi3, number, typeOf } from './raw-config.js';
import type { ConfigSource, GgufSource, RopeSource } from './types.js';

/** A known way to be misunderstood, in the words of docs/traps.md. */
export interface Trap {
  readonly id: string;
  readonly where: string;
  readonly what: string;
  readonly fix: string;
}

export function findTraps(source: RopeSource): Trap[] {
  return source.format === 'gguf' ? ggufTraps(source) : configTraps(source);
}

function configTraps({ config, headDim }: ConfigSource): Trap[] {
  const traps: Trap[] = [];
  const add = (id: string, where: string, what: string, fix: string) => traps.push({ id, where, what, fix });
  const scaling = blockOf(config['rope_scaling']);
  const parameters = blockOf(config['rope_parameters']);
  const name = scaling === undefined ? 'rope_parameters' : 'rope_scaling';
  const block = scaling ?? parameters ?? {};
  const type = typeOf(block);

  if (type === 'su')
    add(
      'old-su',
      name,
      `type su is the old name of longrope${isPhi3(config) ? '' : '; transformers knows it for Phi-3 only'}`,
      'write "rope_type": "longrope" and "type": "longrope"',
    );
  const older = block['type'];
  if (block['rope_type'] !== undefined && older !== undefined && older !== block['rope_type'])
    add(
      'type-conflict',
      `${name}.type`,
      `type ${String(older)} beside rope_type ${String(block['rope_type'])}: transformers takes rope_type, vLLM stops`,
      'write the same name in both',
    );
  lostTheta(config, { scaling, parameters }, add);
  if (scaling === undefined && parameters !== undefined && typeOf(parameters) !== 'default')
    add(
      'v5-only',
      'rope_parameters',
      'transformers v4 reads rope_scaling and drops this block',
      'write the same object as rope_scaling too',
    );
  if (type === 'longrope' || type === 'su') longropeTraps(config, { name, block, headDim }, add);
  return traps;
}

type Add = (id: string, where: string, what: string, fix: string) => void;

function lostTheta(config: Config, blocks: { scaling: Config | undefined; parameters: Config | undefined }, add: Add) {
  const { scaling, parameters } = blocks;
  const top = config['rope_theta'];
  if (
    top === undefined &&
    scaling?.['rope_theta'] === undefined &&
    (scaling === undefined || parameters === undefined)
  ) {
    if (parameters?.['rope_theta'] === undefined)
      add(
        'theta-missing',
        'rope_theta',
        'no theta anywhere: engines fall back to 10000',
        'write rope_theta at top level and in the block',
      );
    else
      add(
        'theta-nested-only',
        'rope_parameters.rope_theta',
        'transformers v4 does not look there: theta becomes 10000',
        'write rope_theta at top level too',
      );
  } else if (top === undefined && scaling !== undefined && scaling['rope_theta'] === undefined)
    add(
      'theta-lost',
      'rope_parameters.rope_theta',
      'rope_scaling wins and has no theta: it becomes 10000',
      'write rope_theta inside rope_scaling',
    );
  else if (top !== undefined && scaling !== undefined && scaling['rope_theta'] === undefined)
    add(
      'theta-override',
      'rope_theta',
      'theta is outside the block: an override that replaces the dict loses it',
      'restate rope_theta in --hf-overrides / --json-model-override-args',
    );
}

function longropeTraps(config: Config, place: { name: string; block: Config; headDim: number }, add: Add): void {
  const { name, block, headDim } = place;
  const top = number(config['original_max_position_embeddings']);
  const nested = number(block['original_max_position_embeddings']);
  const original = top ?? nested;
  const maximum = number(config['max_position_embeddings']);
  const factor = number(block['factor']);
  if (original === undefined)
    add(
      'original-missing',
      'original_max_position_embeddings',
      'engines take max_position_embeddings and never choose the long factors',
      'write it at top level and inside the block',
    );
  else if (top === undefined)
    add(
      'original-not-top',
      `${name}.original_max_position_embeddings`,
      'transformers v4 and the default length of vLLM look at top level',
      'write it at top level too',
    );
  else if (nested !== undefined && nested !== top)
    add(
      'original-conflict',
      `${name}.original_max_position_embeddings`,
      `${nested} inside, ${top} at top level, which wins`,
      'write the same number in both',
    );
  if (nested === undefined && factor !== undefined && factor !== 1)
    add(
      'sglang-context',
      `${name}.factor`,
      `SGLang multiplies the context by ${factor} when the block has no original length`,
      'write original_max_position_embeddings inside the block',
    );
  if (
    config['sliding_window'] !== undefined &&
    config['sliding_window'] !== null &&
    original === config['sliding_window']
  )
    add(
      'sliding-window',
      'original_max_position_embeddings',
      'equals sliding_window: the window is not the trained length',
      'check which length the model was trained at',
    );
  if (original !== undefined && maximum !== undefined) {
    const ratio = maximum / original;
    if (factor !== undefined && Math.abs(factor / ratio - 1) > 1e-6)
      add(
        'factor-ratio',
        `${name}.factor`,
        `${factor}, but the lengths give ${ratio}: transformers v5 takes the factor, all others the ratio`,
        `write "factor": ${ratio}`,
      );
    const attention = number(block['attention_factor']);
    const formula = longropeAttentionFactor(ratio, original);
    const isSame = (value: number | undefined) => value !== undefined && Math.abs(value / formula - 1) < 1e-6;
    if (attention !== undefined && !isSame(attention))
      add(
        'attention-recomputed',
        `${name}.attention_factor`,
        `${attention}: vLLM, SGLang, the GGUF converter and onnxruntime-genai compute ${formula}`,
        'set short_mscale and long_mscale (vLLM, SGLang, genai) and rope.scaling.attn_factor (GGUF)',
      );
    if (ratio > 1)
      add(
        'vllm-length',
        'max_position_embeddings',
        `vLLM serves ${top ?? maximum} tokens unless told`,
        `--max-model-len ${maximum}`,
      );
  }
  const partial = number(block['partial_rotary_factor']) ?? number(config['partial_rotary_factor']) ?? 1;
  const pairs = geometryOf(headDim, 10_000, partial).rotaryDim / 2;
  for (const key of ['short_factor', 'long_factor']) {
    const list = block[key];
    if (Array.isArray(list) && list.length !== pairs)
      add(
        'list-length',
        `${name}.${key}`,
        `${list.length} factors for ${pairs} rotary pairs`,
        'one factor per pair of the rotary part of a head (int(head_dim x partial_rotary_factor) / 2)',
      );
  }
}

function ggufTraps(source: GgufSource): Trap[] {
  const { architecture, short, long, frequencies, factor, originalLength, contextLength } = source;
  const traps: Trap[] = [];
  const add = (id: string, where: string, what: string, fix: string) => traps.push({ id, where, what, fix });
  const hasLists = short !== undefined || long !== undefined;
  if (factor !== 1 && (hasLists || source.type === 'longrope'))
    add(
      'gguf-factor',
      `${architecture}.rope.scaling.factor`,
      `llama.cpp divides every frequency by ${factor} on top of the factors`,
      'leave the key out',
    );
  if (frequencies !== undefined && hasLists)
    add(
      'gguf-rope-freqs',
      'rope_freqs.weight',
      'wins over rope_factors_long and rope_factors_short',
      'remove rope_freqs.weight',
    );
  if (hasLists && !passesFactors(source))
    add(
      'gguf-architecture',
      'general.architecture',
      `${architecture} with rope.scaling.type ${source.type} passes no factors to its graph`,
      'phi3 and phimoe always do, llama, minicpm and mistral3 with type longrope; others have no lever',
    );
  if (source.type === 'longrope' && !hasLists)
    add(
      'gguf-no-factors',
      `${architecture}.rope.scaling.type`,
      'longrope without factor tensors (a converter wrote only the type)',
      'write the file with longrope export gguf',
    );
  if (hasLists && originalLength >= contextLength)
    add(
      'gguf-original',
      `${architecture}.rope.scaling.original_context_length`,
      'missing or not below context_length: the long factors are never chosen',
      'write the original length',
    );
  return traps;
}
