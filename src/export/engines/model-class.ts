import { architectures } from '../../model/architectures/index.js';
import type { Config, RopeConventions } from '../../model/rope-block.js';

/** Facts about the classes that transformers has for a `model_type`, from their sources (4.57, 5.23). */
export function modelTypeOf(config: Config): string {
  const type = config['model_type'];
  // The multimodal class reads its text part with the class of the text models.
  if (type === 'gemma3') return 'gemma3_text';
  return typeof type === 'string' ? type : '';
}

/** Keys that RoPE needs and that published configs leave to the class. */
const CLASS_KEYS = ['max_position_embeddings', 'head_dim'] as const;

/** The config with the values of its class for such keys, where the class has any, and which these are. */
export function withClassKeys(config: Config): { readonly config: Config; readonly assumed: ReadonlySet<string> } {
  const defaults = declarationOf(config)?.defaults ?? {};
  const lacks = (key: string) => config[key] === undefined || config[key] === null;
  const assumed = CLASS_KEYS.filter((key) => lacks(key) && defaults[key] !== undefined);
  return {
    config: { ...config, ...Object.fromEntries(assumed.map((key) => [key, defaults[key]])) },
    assumed: new Set(assumed),
  };
}

/** What the config class does of its own with RoPE keys; nothing for classes this program does not know. */
export function conventionsOf(config: Config): RopeConventions {
  return declarationOf(config)?.rope ?? {};
}

function declarationOf(config: Config) {
  return architectures.find(({ modelTypes }) => modelTypes.includes(modelTypeOf(config)));
}

export function classOf(config: Config): string {
  const names = config['architectures'];
  const [first] = Array.isArray(names) ? names : [];
  return typeof first === 'string' ? first : '';
}

export function isPhi3(config: Config): boolean {
  return modelTypeOf(config) === 'phi3' || classOf(config) === 'Phi3ForCausalLM';
}

/** What the class takes when no key gives theta; of a class with two, the theta of global layers. */
export function defaultTheta(config: Config): number {
  const { theta, thetaByLayerType } = conventionsOf(config);
  return thetaByLayerType?.full_attention ?? theta ?? 10_000;
}

/** Phi3Config has a default for the original length, which stands in for a missing top-level key and wins over the block. */
export const PHI3_DEFAULT_ORIGINAL = 4096;

/** Classes whose attention turns whole heads only: `partial_rotary_factor` is ignored, or the widths do not fit. */
const WHOLE_HEAD = [
  'llama',
  'mistral',
  'mixtral',
  'qwen2',
  'qwen3',
  'gemma',
  'gemma2',
  'gemma3_text',
  'olmo2',
  'smollm3',
];

export function turnsWholeHead(config: Config): boolean {
  return WHOLE_HEAD.includes(modelTypeOf(config));
}

/** Config classes of their own code, which transformers, vLLM and SGLang read by other rules than those modelled here. */
export function hasOwnCode(config: Config): boolean {
  return classOf(config).startsWith('MiniCPM');
}
