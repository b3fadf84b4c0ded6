import type { Config } from '../../model/rope-block.js';

/** Facts about the classes that transformers has for a `model_type`, from their sources (4.57, 5.23). */
export function modelTypeOf(config: Config): string {
  return typeof config['model_type'] === 'string' ? config['model_type'] : '';
}

export function classOf(config: Config): string {
  const names = config['architectures'];
  return Array.isArray(names) ? String(names[0]) : '';
}

export function isPhi3(config: Config): boolean {
  return modelTypeOf(config) === 'phi3' || classOf(config) === 'Phi3ForCausalLM';
}

/** What a class takes when no key gives theta; every other class: 10000. */
const DEFAULT_THETA: Readonly<Record<string, number>> = { mixtral: 1_000_000, smollm3: 2_000_000 };

export function defaultTheta(config: Config): number {
  return DEFAULT_THETA[modelTypeOf(config)] ?? 10_000;
}

/** Phi3Config has a default for the original length, which stands in for a missing top-level key and wins over the block. */
export const PHI3_DEFAULT_ORIGINAL = 4096;

/** Classes whose attention turns whole heads only: `partial_rotary_factor` is ignored, or the widths do not fit. */
const WHOLE_HEAD = ['llama', 'mistral', 'mixtral', 'qwen2', 'qwen3', 'gemma', 'gemma2', 'olmo2', 'smollm3'];

export function turnsWholeHead(config: Config): boolean {
  return WHOLE_HEAD.includes(modelTypeOf(config));
}

/** Config classes of their own code, which transformers, vLLM and SGLang read by other rules than those modelled here. */
export function hasOwnCode(config: Config): boolean {
  return classOf(config).startsWith('MiniCPM');
}
