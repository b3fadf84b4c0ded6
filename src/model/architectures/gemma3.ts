import type { ArchitectureDeclaration } from '../architecture.js';
import type { DecoderConfig } from '../decoder-config.js';
import { layerType, layerTypeProblems, windowByLayerType } from '../layer-types.js';
import { gemmaBlock } from './gemma-block.js';

/** Five local layers, then a global one. */
function slides(config: DecoderConfig, layer: number): boolean {
  return (layer + 1) % (config.sliding_window_pattern ?? 6) !== 0;
}

/** The text models. Local layers keep a base of their own, which no scaling touches. */
export const gemma3: ArchitectureDeclaration = {
  ...gemmaBlock,
  name: 'gemma3',
  modelTypes: ['gemma3_text'],
  // Published multimodal configs leave them out of their text_config.
  defaults: {
    ...gemmaBlock.defaults,
    num_attention_heads: 8,
    vocab_size: 262_208,
    max_position_embeddings: 131_072,
  },
  queryKeyNorm: 'head',
  slidingWindow: windowByLayerType(slides),
  rotation: (config, layer) => (layerType(config, layer, slides) === 'sliding_attention' ? 'local' : 'global'),
  rope: { thetaByLayerType: { full_attention: 1_000_000, sliding_attention: 10_000 }, wholeHeads: true },
  problems: (config) => [
    ...layerTypeProblems(slides)(config),
    ...(config.attn_logit_softcapping
      ? [
          {
            key: 'attn_logit_softcapping',
            expected: 'nothing: the gemma3 class of transformers does not apply it',
            found: `${config.attn_logit_softcapping}`,
          },
        ]
      : []),
  ],
};
