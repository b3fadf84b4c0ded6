import type { Config } from '../../../model/rope-block.js';
import { localBlock, localThetaKey, unreadKeys } from '../layer-ropes.js';
import { number, typeOf } from '../raw-config.js';
import type { TrapList } from './trap.js';

/** Traps of classes with one RoPE per layer type (gemma3); `block`: that of global layers. */
export function layerTraps(list: TrapList, config: Config, block: Config): void {
  const unread = unreadKeys(config);
  if (unread.length > 0)
    list.add(
      'layer-type-missing',
      'rope_parameters',
      `${unread.join(', ')} outside full_attention and sliding_attention: transformers 5 ignores them`,
      'write them into rope_parameters.full_attention',
    );
  const top = number(config['original_max_position_embeddings']);
  const knowsOriginal = ['longrope', 'yarn', 'llama3'].includes(typeOf(block));
  if (knowsOriginal && top !== undefined && number(block['original_max_position_embeddings']) === undefined)
    list.add(
      'original-not-in-block',
      'original_max_position_embeddings',
      `${top} at top level, where transformers 5 and vLLM do not look for it in this class`,
      'write it into the block too',
    );
  const localTheta = number(localBlock(config)['rope_theta']);
  const key = localThetaKey(config);
  if (
    key !== undefined &&
    localTheta !== undefined &&
    localTheta !== (number(config['rope_local_base_freq']) ?? 10_000)
  )
    list.add(
      'local-theta-nested',
      key,
      'transformers v4 takes the theta of local layers from rope_local_base_freq, or 10000',
      `write "rope_local_base_freq": ${localTheta} too`,
    );
  if (typeOf(block) === 'longrope')
    list.add(
      'sglang-short-only',
      'long_factor',
      'SGLang makes the table of global layers once, from the short list, whatever the length',
      'none: use transformers or vLLM',
    );
}
