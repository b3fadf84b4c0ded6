import { type Problem, UserError } from '../errors.js';
import type { RopeScaling } from '../rope/types.js';
import type { LayerType } from './decoder-config.js';
import { describeValue } from './describe.js';

export type Config = Readonly<Record<string, unknown>>;

/** The RoPE keys of a config in one place, before any value is judged. */
export interface RopeBlock {
  /** Keys with a value; `rope_type` carries today's name, and the top-level keys that transformers folds in are in. */
  readonly values: Config;
  /** Where in the config the value of a key is, or belongs. */
  readonly locate: (key: string) => string;
}

/** What a config class of transformers does of its own with RoPE keys. */
export interface RopeConventions {
  /** Base of a config without one; default 10,000. */
  readonly theta?: number;
  /** The class has one RoPE per layer type: the base of each without its key. */
  readonly thetaByLayerType?: Readonly<Record<LayerType, number>>;
  /** RoPE types the class accepts; default: all. */
  readonly types?: readonly RopeScaling['type'][];
  /** Names of a type that only this class knows. */
  readonly aliases?: Readonly<Record<string, RopeScaling['type']>>;
  /** The class reads `original_max_position_embeddings` at top level only, and takes this number without it. */
  readonly originalLength?: number;
  /** All dimensions of a head turn: there is no partial rotary embedding. */
  readonly wholeHeads?: boolean;
}

/** Names of earlier releases. */
const ALIASES: Readonly<Record<string, string>> = { su: 'longrope' };

const ORIGINAL = 'original_max_position_embeddings';
const KNOW_ORIGINAL_LENGTH: readonly unknown[] = ['longrope', 'yarn', 'llama3'];

/**
 * Finds the RoPE block of a v4 or v5 config. As transformers 5 does: a non-empty `rope_scaling` wins over
 * `rope_parameters`; theta and the partial factor come from the block, else from the top level; for types with an original
 * length a top-level `original_max_position_embeddings` wins. `layerType` asks for that of one layer type. Adds
 * contradictions to `problems`; throws UserError `unsupported` for RoPE that differs by layer where the class has one for all.
 */
export function selectRopeBlock(
  config: Config,
  problems: Problem[],
  { conventions = {}, layerType }: { readonly conventions?: RopeConventions; readonly layerType?: LayerType } = {},
): RopeBlock {
  const chosen = layerType === undefined ? chooseBlock(config, problems) : layerBlock(config, layerType, problems);
  const { block, nameOf } = chosen;
  if (layerType === undefined) refusePerLayer(config, nameOf('rope_type'), block);
  const aliases = new Map(Object.entries({ ...ALIASES, ...conventions.aliases }));
  const today = (type: unknown) => aliases.get(type as string) ?? type;
  const type = block['rope_type'] ?? block['type'] ?? 'default';
  const current = today(type);
  const older = block['type'] ?? type;
  if (today(older) !== current)
    problems.push({
      where: `${nameOf('type')}.type`,
      expected: `the same as rope_type (${describeValue(type)})`,
      found: describeValue(older),
    });

  const values = new Map<string, unknown>(Object.entries(block).filter(([, value]) => isGiven(value)));
  const fromTop = new Map<string, string>();
  const takeFromTop = (key: string, topKey = key) => {
    if (!isGiven(config[topKey])) return;
    values.set(key, config[topKey]);
    fromTop.set(key, topKey);
  };
  if (!values.has('rope_theta'))
    takeFromTop('rope_theta', layerType === 'sliding_attention' ? 'rope_local_base_freq' : 'rope_theta');
  if (!values.has('partial_rotary_factor')) takeFromTop('partial_rotary_factor');
  if (layerType === undefined)
    for (const key of ['rope_theta', 'partial_rotary_factor'])
      refuseLostValue(config, { name: nameOf(key), key, value: values.get(key) }, problems);
  const theta = layerType === undefined ? conventions.theta : conventions.thetaByLayerType?.[layerType];
  if (theta !== undefined && !values.has('rope_theta')) values.set('rope_theta', theta);
  if (KNOW_ORIGINAL_LENGTH.includes(current)) {
    const inside = values.get(ORIGINAL);
    if (layerType === undefined) takeFromTop(ORIGINAL);
    refuseUnreadLength(config, { inside, nameOf, conventions, layerType }, problems);
    if (conventions.originalLength !== undefined && !values.has(ORIGINAL))
      values.set(ORIGINAL, conventions.originalLength);
  }
  values.set('rope_type', current);
  return {
    values: Object.fromEntries(values),
    locate: (key) => {
      const written = key === 'rope_type' && !isGiven(block[key]) ? 'type' : key;
      return fromTop.get(key) ?? `${nameOf(written)}.${written}`;
    },
  };
}

/** A block and the name under which the config has a key of it. */
interface ChosenBlock {
  readonly block: Config;
  readonly nameOf: (key: string) => string;
}

function chooseBlock(config: Config, problems: Problem[]): ChosenBlock {
  const names = ['rope_scaling', 'rope_parameters'] as const;
  for (const name of names) requireRecord(config, name, problems);
  for (const name of names) {
    const block = config[name];
    if (isRecord(block) && Object.keys(block).length > 0) return { nameOf: () => name, block };
  }
  return { nameOf: () => 'rope_parameters', block: {} };
}

/** As Gemma3TextConfig does: one block per layer type, over whose global one the keys of a `rope_scaling` are laid. */
function layerBlock(config: Config, layerType: LayerType, problems: Problem[]): ChosenBlock {
  const isGlobal = layerType === 'full_attention';
  if (isGlobal) for (const name of ['rope_scaling', 'rope_parameters']) requireRecord(config, name, problems);
  const parameters = isRecord(config['rope_parameters']) ? config['rope_parameters'] : {};
  const scaling = isGlobal && isRecord(config['rope_scaling']) ? config['rope_scaling'] : {};
  const flat = Object.keys(parameters).filter((key) => key !== 'full_attention' && key !== 'sliding_attention');
  if (isGlobal && flat.length > 0)
    problems.push({
      where: 'rope_parameters',
      expected: 'one block per layer type (full_attention, sliding_attention)',
      found: flat.join(', '),
      fix: 'put them into rope_parameters.full_attention: transformers ignores them here',
    });
  requireRecord(parameters, layerType, problems, 'rope_parameters.');
  const nested = isRecord(parameters[layerType]) ? parameters[layerType] : {};
  return {
    block: { ...nested, ...scaling },
    nameOf: (key) => (key in scaling ? 'rope_scaling' : `rope_parameters.${layerType}`),
  };
}

function requireRecord(config: Config, name: string, problems: Problem[], prefix = ''): void {
  if (isGiven(config[name]) && !isRecord(config[name]))
    problems.push({ where: prefix + name, expected: 'an object or null', found: describeValue(config[name]) });
}

/** An original length where the config class does not look for it, so that transformers would take another one. */
function refuseUnreadLength(
  config: Config,
  {
    inside,
    nameOf,
    conventions,
    layerType,
  }: { inside: unknown; conventions: RopeConventions; layerType: LayerType | undefined } & Pick<ChosenBlock, 'nameOf'>,
  problems: Problem[],
): void {
  const top = config[ORIGINAL];
  if (layerType !== undefined && isGiven(top) && top !== inside)
    problems.push({
      where: `${nameOf(ORIGINAL)}.${ORIGINAL}`,
      expected: `${describeValue(top)}, as at top level, where transformers does not look`,
      found: describeValue(inside),
    });
  const { originalLength } = conventions;
  if (originalLength !== undefined && !isGiven(top) && inside !== undefined && inside !== originalLength)
    problems.push({
      where: ORIGINAL,
      expected: `${describeValue(inside)}, as in ${nameOf(ORIGINAL)}, where this class does not look`,
      found: 'nothing',
      fix: `transformers takes ${originalLength} without it`,
    });
}

function refusePerLayer(config: Config, name: string, block: Config): void {
  const layerTypes: readonly unknown[] = Array.isArray(config['layer_types']) ? config['layer_types'] : [];
  const nested = Object.keys(block).filter((key) => isRecord(block[key]) || layerTypes.includes(key));
  if (nested.length > 0)
    throw new UserError('unsupported', {
      where: name,
      expected: 'one RoPE for all layers',
      found: `one per layer type (${nested.slice(0, 8).join(', ')})`,
    });
  if (isGiven(config['rope_local_base_freq']))
    throw new UserError('unsupported', {
      where: 'rope_local_base_freq',
      expected: 'one RoPE for all layers',
      found: `another base for local layers (${describeValue(config['rope_local_base_freq'])})`,
    });
}

/** With both blocks, transformers reads `rope_scaling` alone, and falls back to a default although `rope_parameters` knows better. */
function refuseLostValue(
  config: Config,
  { name, key, value }: { readonly name: string; readonly key: string; readonly value: unknown },
  problems: Problem[],
): void {
  const parameters = config['rope_parameters'];
  if (name !== 'rope_scaling' || value !== undefined || !isRecord(parameters) || !isGiven(parameters[key])) return;
  problems.push({
    where: `rope_scaling.${key}`,
    expected: `the value of rope_parameters.${key} (${describeValue(parameters[key])}) here too`,
    found: 'nothing',
    fix: 'transformers ignores rope_parameters when there is a rope_scaling',
  });
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isRecord(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
