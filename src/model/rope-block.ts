import { type Problem, UserError } from '../errors.js';
import { describeValue } from './describe.js';

export type Config = Readonly<Record<string, unknown>>;

/** The RoPE keys of a config in one place, before any value is judged. */
export interface RopeBlock {
  /** Keys with a value; `rope_type` carries today's name, and the top-level keys that transformers folds in are in. */
  readonly values: Config;
  /** Where in the config the value of a key is, or belongs. */
  readonly locate: (key: string) => string;
}

/** Names of earlier releases. */
const ALIASES: ReadonlyMap<unknown, string> = new Map([['su', 'longrope']]);

const KNOW_ORIGINAL_LENGTH: readonly unknown[] = ['longrope', 'yarn', 'llama3'];

/**
 * Finds the RoPE block of a v4 or v5 config. As transformers 5 does: a non-empty `rope_scaling` wins over
 * `rope_parameters`; theta and the partial factor come from the block, else from the top level; for types with an original
 * length a top-level `original_max_position_embeddings` wins. Adds contradictions to `problems`; throws UserError
 * `unsupported` for RoPE that differs by layer.
 */
export function selectRopeBlock(config: Config, problems: Problem[]): RopeBlock {
  const { name, block } = chooseBlock(config, problems);
  refusePerLayer(config, name, block);
  const type = block['rope_type'] ?? block['type'] ?? 'default';
  const current = ALIASES.get(type) ?? type;
  const older = block['type'] ?? type;
  if ((ALIASES.get(older) ?? older) !== current)
    problems.push({
      where: `${name}.type`,
      expected: `the same as rope_type (${describeValue(type)})`,
      found: describeValue(older),
    });

  const values = new Map<string, unknown>(Object.entries(block).filter(([, value]) => isGiven(value)));
  const fromTop = new Set<string>();
  const takeFromTop = (key: string) => {
    if (!isGiven(config[key])) return;
    values.set(key, config[key]);
    fromTop.add(key);
  };
  for (const key of ['rope_theta', 'partial_rotary_factor']) {
    if (!values.has(key)) takeFromTop(key);
    refuseLostValue(config, { name, key, value: values.get(key) }, problems);
  }
  if (KNOW_ORIGINAL_LENGTH.includes(current)) takeFromTop('original_max_position_embeddings');
  values.set('rope_type', current);
  return {
    values: Object.fromEntries(values),
    locate: (key) => (fromTop.has(key) ? key : `${name}.${key === 'rope_type' && !isGiven(block[key]) ? 'type' : key}`),
  };
}

function chooseBlock(config: Config, problems: Problem[]): { readonly name: string; readonly block: Config } {
  const names = ['rope_scaling', 'rope_parameters'] as const;
  for (const name of names)
    if (isGiven(config[name]) && !isRecord(config[name]))
      problems.push({ where: name, expected: 'an object or null', found: describeValue(config[name]) });
  for (const name of names) {
    const block = config[name];
    if (isRecord(block) && Object.keys(block).length > 0) return { name, block };
  }
  return { name: 'rope_parameters', block: {} };
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
