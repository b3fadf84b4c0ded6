import type { Config } from '../../../model/rope-block.js';
import { globalBlock, hasLayerRopes } from '../layer-ropes.js';
import { classOf, defaultTheta, isPhi3, modelTypeOf, turnsWholeHead } from '../model-class.js';
import { blockOf, nameOf, number, typeOf } from '../raw-config.js';
import { START_TOKEN_KEYS } from '../repairs.js';
import type { ConfigSource } from '../types.js';
import { layerTraps } from './layers.js';
import { longropeTraps } from './longrope.js';
import { otherTypeTraps } from './other-types.js';
import { type Trap, TrapList } from './trap.js';

export function configTraps({ config, headDim }: ConfigSource): readonly Trap[] {
  const list = new TrapList();
  const scaling = blockOf(config['rope_scaling']);
  const isLayered = hasLayerRopes(config);
  const parameters = blockOf(isLayered ? globalBlock({ ...config, rope_scaling: null }) : config['rope_parameters']);
  const nameOfParameters = isLayered ? 'rope_parameters.full_attention' : 'rope_parameters';
  const name = scaling === undefined ? nameOfParameters : 'rope_scaling';
  const block = isLayered ? globalBlock(config) : (scaling ?? parameters ?? {});
  const isLongrope = typeOf(block) === 'longrope' || typeOf(block) === 'su' || 'short_factor' in block;

  typeTraps(list, config, { name, block });
  if (isPhi3(config) && isLongrope) phi3Traps(list, config, { scaling, name, block });
  const isOlmo2 = modelTypeOf(config) === 'olmo2' && scaling !== undefined;
  if (isOlmo2 && (Object.keys(scaling).length !== 2 || !['linear', 'dynamic'].includes(nameOf(scaling['type']))))
    list.add(
      'olmo2-two-keys',
      'rope_scaling',
      'Olmo2Config of transformers v4 stops unless the keys are type (linear or dynamic) and factor',
      'none: use transformers 5',
    );
  thetaTraps(list, config, { scaling: scaling && isLayered ? block : scaling, parameters });
  if (scaling === undefined && parameters !== undefined && typeOf(parameters) !== 'default')
    list.add(
      'v5-only',
      nameOfParameters,
      'transformers v4 reads rope_scaling and drops this block',
      'write the same object as rope_scaling too',
    );
  const partial = number(block['partial_rotary_factor']) ?? number(config['partial_rotary_factor']) ?? 1;
  if (partial < 1 && turnsWholeHead(config))
    list.add(
      'partial-ignored',
      'partial_rotary_factor',
      `${partial}: ${modelTypeOf(config)} classes of transformers turn whole heads, vLLM honours it`,
      'leave the key out, or use a class that has it (phi3)',
    );
  for (const key of START_TOKEN_KEYS)
    if (number(block[key]) !== undefined)
      list.add(
        'start-tokens',
        `${name}.${key}`,
        `${block[key]}: no engine keeps the first positions unscaled`,
        'search factors without start tokens (cma-es)',
      );
  if (isLayered) layerTraps(list, config, block);
  if (isLongrope) longropeTraps(list, config, { name, block, headDim, partial });
  else otherTypeTraps(list, config, { name, block });
  return list.traps;
}

function typeTraps(list: TrapList, config: Config, { name, block }: { name: string; block: Config }): void {
  const type = typeOf(block);
  const older = block['type'];
  const written = config['rope_scaling'];
  if (type === 'su' || older === 'su')
    list.add(
      'old-su',
      `${name}.${block['rope_type'] === 'su' ? 'rope_type' : 'type'}`,
      `su is the old name of longrope: ${isPhi3(config) ? 'transformers 5 then wants the original length inside the block' : 'transformers and SGLang stop'}`,
      'write "rope_type": "longrope" and "type": "longrope"',
    );
  if (block['rope_type'] !== undefined && older !== undefined && older !== block['rope_type'] && older !== 'su')
    list.add(
      'type-conflict',
      `${name}.type`,
      `type ${nameOf(older)} beside rope_type ${nameOf(block['rope_type'])}: transformers v4 takes type (llama, qwen), v5 rope_type, vLLM stops`,
      'write the same name in both',
    );
  const isEmpty = typeof written === 'object' && written !== null && Object.keys(written).length === 0;
  if (
    isEmpty ||
    (Object.keys(block).length > 0 &&
      block['rope_type'] === undefined &&
      older === undefined &&
      name === 'rope_scaling')
  )
    list.add(
      'type-missing',
      'rope_scaling',
      `no rope_type and no type: transformers v4 stops (KeyError), v5 takes default${isEmpty ? '' : ' and ignores the other keys'}`,
      isEmpty ? 'write "rope_scaling": null' : 'write the type',
    );
}

function phi3Traps(
  list: TrapList,
  config: Config,
  { scaling, name, block }: { scaling: Config | undefined; name: string; block: Config },
): void {
  const count = Object.keys(scaling ?? {}).length;
  if (scaling !== undefined && count !== 3)
    list.add(
      'phi3-three-keys',
      'rope_scaling',
      `${count} keys: Phi3Config of transformers v4 stops unless they are type, short_factor, long_factor`,
      'longrope export hf --profile phi3-legacy; the other keys belong at top level or into rope_parameters',
    );
  if (typeOf(block) === 'yarn')
    list.add(
      'phi3-yarn',
      `${name}.type`,
      'yarn with factor lists is longrope to transformers; vLLM stops, onnxruntime-genai takes another attention factor',
      'write longrope',
    );
  if (block['type'] === undefined)
    list.add(
      'type-key-missing',
      `${name}.type`,
      'absent: transformers v4 and onnxruntime-genai read type, not rope_type',
      'write the same name as type too',
    );
  const nested = number(block['original_max_position_embeddings']);
  if (number(config['original_max_position_embeddings']) === undefined && nested !== undefined && nested !== 4096)
    list.add(
      'phi3-original-default',
      `${name}.original_max_position_embeddings`,
      `${nested}, but Phi3Config has 4096 of its own at top level, which wins`,
      'write it at top level too',
    );
}

function thetaTraps(
  list: TrapList,
  config: Config,
  { scaling, parameters }: { scaling: Config | undefined; parameters: Config | undefined },
): void {
  const top = number(config['rope_theta']);
  const inScaling = number(scaling?.['rope_theta']);
  const inParameters = number(parameters?.['rope_theta']);
  const fallback = defaultTheta(config);
  if (top === undefined && inScaling === undefined && inParameters === undefined)
    list.add(
      'theta-missing',
      'rope_theta',
      `no theta anywhere: engines take the default of ${classOf(config) || 'the class'}, ${fallback}`,
      'write rope_theta at top level and in the block',
    );
  else if (inParameters !== undefined && scaling !== undefined && inParameters !== (inScaling ?? top ?? fallback))
    list.add(
      'theta-lost',
      'rope_parameters.rope_theta',
      `${inParameters}: rope_scaling wins, and theta becomes ${inScaling ?? top ?? fallback}`,
      'write rope_theta inside rope_scaling',
    );
  else if (top === undefined && (inScaling ?? inParameters) !== fallback)
    list.add(
      'theta-nested-only',
      `${inScaling === undefined ? 'rope_parameters' : 'rope_scaling'}.rope_theta`,
      `transformers v4 does not look there: theta becomes ${fallback}`,
      'write rope_theta at top level too',
    );
  else if (top !== undefined && scaling !== undefined && inScaling === undefined)
    list.add(
      'theta-override',
      'rope_theta',
      'outside the block: an override that replaces the block loses it',
      'restate rope_theta in --hf-overrides and --json-model-override-args',
    );
}
