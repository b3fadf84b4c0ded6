import { UserError } from '../../errors.js';
import { shortestWindow } from '../../model/layer-types.js';
import type { Model } from '../../model/types.js';
import type { TypedValue } from './entries.js';

/** An architecture of llama.cpp that loads long and short factors. */
interface Target {
  readonly name: string;
  /** Its kernel turns neighbouring values, so rows of q and k change places. */
  readonly neighbours: boolean;
  /** Whether its converter writes a window. No target applies one: llama knows none, phi3's is switched off in llama.cpp. */
  readonly writesSlidingWindow: boolean;
}

const LLAMA: Target = { name: 'llama', neighbours: true, writesSlidingWindow: false };
const TARGETS: Readonly<Record<string, Target>> = {
  llama: LLAMA,
  mistral: LLAMA,
  phi3: { name: 'phi3', neighbours: false, writesSlidingWindow: true },
};

/** Throws `UserError('unsupported')` for models whose factors llama.cpp would not read, or that it would run as another model. */
export function ggufTarget(model: Pick<Model, 'path' | 'spec'>, contextLength: number): Target {
  const { spec } = model;
  const target = TARGETS[spec.architecture];
  if (target === undefined)
    throw new UserError('unsupported', {
      where: `${model.path}: model_type`,
      expected: `${Object.keys(TARGETS).join(', ')}: llama.cpp reads long and short factors for no other architecture`,
      found: spec.architecture,
      fix: 'transformers, vLLM and SGLang can (export hf)',
    });
  const { headDim, rotaryDim } = { headDim: spec.headDim, rotaryDim: spec.rope.geometry.rotaryDim };
  if (target.neighbours && spec.rotaryPairing === 'half' && rotaryDim < headDim)
    throw new UserError('unsupported', {
      where: `${model.path}: partial_rotary_factor`,
      expected: '1: rows of heads that turn in part have no order that llama.cpp reads as this model',
      found: `${rotaryDim / headDim}`,
      fix: 'transformers can for phi3 models (export hf)',
    });
  const window = shortestWindow(spec);
  if (window < contextLength)
    throw new UserError('unsupported', {
      where: `${model.path}: sliding_window`,
      expected: `null or at least ${contextLength}: llama.cpp's ${target.name} architecture attends to everything`,
      found: `${window}`,
      fix: 'transformers, vLLM and SGLang can (export hf)',
    });
  return target;
}

/** What the converter of llama.cpp writes below `{arch}.`, rope scaling apart. */
export function architectureKeys({ spec }: Model, target: Target): Record<string, TypedValue> {
  const { geometry } = spec.rope;
  const window = spec.slidingWindow.find((size) => size !== null);
  return {
    block_count: { u32: spec.layers },
    embedding_length: { u32: spec.hiddenSize },
    feed_forward_length: { u32: spec.intermediateSize },
    'attention.head_count': { u32: spec.heads },
    'attention.head_count_kv': { u32: spec.keyValueHeads },
    'attention.layer_norm_rms_epsilon': { f32: spec.normEpsilon },
    'attention.key_length': { u32: spec.headDim },
    'attention.value_length': { u32: spec.headDim },
    ...(target.writesSlidingWindow && { 'attention.sliding_window': { u32: window ?? 0 } }),
    'rope.dimension_count': { u32: geometry.rotaryDim },
    'rope.freq_base': { f32: geometry.theta },
    vocab_size: { u32: spec.vocabularySize },
  };
}
