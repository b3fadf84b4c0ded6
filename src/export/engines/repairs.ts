import type { Config } from '../../model/rope-block.js';
import { longropeAttentionFactor } from '../../rope/attention-factor.js';
import { defaultTheta, isPhi3, modelTypeOf, PHI3_DEFAULT_ORIGINAL } from './model-class.js';
import { blockOf, number, typeOf } from './raw-config.js';

/** A config as it is read, and what was done to it first. */
export interface Reading {
  readonly config: Config;
  readonly startTokens: number;
  readonly repairs: readonly string[];
  /** Canonical key -> where its value really is, or the rule that gave it (in brackets). */
  readonly moved: ReadonlyMap<string, string>;
  /** Where the file has a key of the block, if `config` was put together from several. */
  readonly blockName?: (key: string) => string;
}

/** Keys of LongRoPE's own code for its n-hat. */
export const START_TOKEN_KEYS = ['start_tokens', 'start_token_idx', 'start_token_index', 'n_hat'] as const;

/** Values that the class of the model has where no key gives one. */
export function withClassDefaults(config: Config): Reading {
  const added: Record<string, number> = {};
  const moved = new Map<string, string>();
  const blocks = ['rope_scaling', 'rope_parameters'].map((name) => blockOf(config[name]) ?? {});
  const gives = (key: string) => [config, ...blocks].some((place) => number(place[key]) !== undefined);
  const take = (key: string, value: number) => {
    if (gives(key)) return;
    added[key] = value;
    moved.set(key, `[default of ${modelTypeOf(config)}]`);
  };
  if (defaultTheta(config) !== 10_000) take('rope_theta', defaultTheta(config));
  if (isPhi3(config) && blocks.some((block) => 'short_factor' in block))
    take('original_max_position_embeddings', PHI3_DEFAULT_ORIGINAL);
  return { config: { ...config, ...added }, startTokens: 0, repairs: [], moved };
}

/**
 * Settles what has one plausible reading: a hidden theta, the ratio of the lengths before `factor`, mscale keys before the
 * formula, Phi-3's yarn, start tokens as a value of their own.
 */
export function repaired({ config, moved: before, repairs: earlier, ...rest }: Reading): Reading {
  const name = blockOf(config['rope_scaling']) === undefined ? 'rope_parameters' : 'rope_scaling';
  const block: Record<string, unknown> = { ...blockOf(config[name]) };
  const top: Record<string, unknown> = { ...config };
  const repairs = [...earlier];
  const moved = new Map(before);
  const parameters = blockOf(config['rope_parameters']);
  for (const key of ['rope_theta', 'partial_rotary_factor'])
    if (block[key] === undefined && config[key] === undefined && parameters?.[key] !== undefined) {
      block[key] = parameters[key];
      moved.set(key, `rope_parameters.${key}`);
      repairs.push(`${key} taken from rope_parameters`);
    }
  if (isPhi3(config) && typeOf(block) === 'yarn' && 'short_factor' in block) {
    delete block['rope_type'];
    block['type'] = 'longrope';
    moved.set('rope_type', `${name}.type [Phi-3's yarn is longrope]`);
    repairs.push("type yarn of Phi-3 is longrope's old name");
  }
  const startTokens = takeStartTokens(block, name, { moved, repairs });
  const original =
    number(config['original_max_position_embeddings']) ?? number(block['original_max_position_embeddings']);
  const maximum = number(config['max_position_embeddings']);
  if ('short_factor' in block && original !== undefined && maximum !== undefined)
    settleFactors(block, maximum / original, longropeAttentionFactor(maximum / original, original));
  top[name] = block;
  return { ...rest, config: top, startTokens, repairs, moved };

  function settleFactors(values: Record<string, unknown>, ratio: number, formula: number): void {
    const factor = number(values['factor']);
    if (factor !== undefined && factor !== ratio && values['attention_factor'] === undefined) {
      delete values['factor'];
      moved.set('factor', `[max_position_embeddings / original length; ${name}.factor ${factor} set aside]`);
      repairs.push(`factor ${factor} set aside for max_position_embeddings / original (${ratio})`);
    }
    const mscale = number(values['long_mscale']);
    if (mscale !== undefined && values['attention_factor'] === undefined && mscale !== formula) {
      values['attention_factor'] = mscale;
      delete values['short_mscale'];
      delete values['long_mscale'];
      moved.set('attention_factor', `${name}.long_mscale`);
      repairs.push(`attention factor taken from long_mscale (${mscale})`);
    }
  }
}

function takeStartTokens(
  block: Record<string, unknown>,
  name: string,
  { moved, repairs }: { readonly moved: Map<string, string>; readonly repairs: string[] },
): number {
  const key = START_TOKEN_KEYS.find((candidate) => number(block[candidate]) !== undefined);
  if (key === undefined) return 0;
  const startTokens = number(block[key]) as number;
  delete block[key];
  moved.set('start_tokens', `${name}.${key}`);
  repairs.push(`${key} ${startTokens}: the first positions keep the base frequencies`);
  return startTokens;
}
