import type { ArchitectureDeclaration } from '../architecture.js';
import type { DecoderConfig } from '../decoder-config.js';
import { layerTypeProblems, windowByLayerType } from '../layer-types.js';

/** The first `max_window_layers` see everything, the others slide if windows are switched on. */
export function upperLayersSlide(config: DecoderConfig, layer: number): boolean {
  return (
    config.use_sliding_window === true && config.sliding_window !== null && layer >= (config.max_window_layers ?? 28)
  );
}

export const qwen2: ArchitectureDeclaration = {
  name: 'qwen2',
  modelTypes: ['qwen2'],
  gguf: { architectures: ['qwen2'], rotaryPairing: 'half' },
  defaults: { num_key_value_heads: 32, sliding_window: 4096, use_sliding_window: false },
  activations: { silu: 'silu' },
  attentionBias: () => ({ query: true, key: true, value: true, output: false }),
  slidingWindow: windowByLayerType(upperLayersSlide),
  rope: { wholeHeads: true },
  problems: layerTypeProblems(upperLayersSlide),
};
