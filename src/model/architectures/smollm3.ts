import type { ArchitectureDeclaration } from '../architecture.js';
import type { DecoderConfig } from '../decoder-config.js';
import { layerTypeProblems, windowByLayerType } from '../layer-types.js';
import { llama } from './llama.js';

/** Every fourth layer has no positions, unless `no_rope_layers` says which ones (0 = none). */
function turns(config: DecoderConfig, layer: number): boolean {
  if (config.no_rope_layers) return config.no_rope_layers[layer] === 1;
  return (layer + 1) % (config.no_rope_layer_interval ?? 4) !== 0;
}

function slides(config: DecoderConfig, layer: number): boolean {
  return config.use_sliding_window === true && typeof config.sliding_window === 'number' && !turns(config, layer);
}

export const smollm3: ArchitectureDeclaration = {
  ...llama,
  name: 'smollm3',
  modelTypes: ['smollm3'],
  gguf: { architectures: ['smollm3'], rotaryPairing: 'adjacent' },
  defaults: { num_key_value_heads: 4, tie_word_embeddings: true, use_sliding_window: false },
  rotation: (config, layer) => (turns(config, layer) ? 'global' : 'none'),
  slidingWindow: windowByLayerType(slides),
  rope: { theta: 2_000_000, wholeHeads: true },
  problems: (config) => [
    ...layerTypeProblems(slides)(config),
    ...(config.no_rope_layers && config.no_rope_layers.length < config.num_hidden_layers
      ? [
          {
            key: 'no_rope_layers',
            expected: `at least ${config.num_hidden_layers} entries, one per layer`,
            found: `${config.no_rope_layers.length}`,
          },
        ]
      : []),
  ],
};
