import type { ConfigProblem } from './architecture.js';
import type { DecoderConfig, LayerType } from './decoder-config.js';
import type { DecoderSpec } from './types.js';

/** What a config class assumes for layer N of a config without `layer_types`. */
export type DefaultSlides = (config: DecoderConfig, layer: number) => boolean;

/** The window of every `sliding_attention` layer: `layer_types`, else what the class makes of its older keys. */
export function windowByLayerType(slides: DefaultSlides) {
  return (config: DecoderConfig, layer: number): number | null =>
    layerType(config, layer, slides) === 'sliding_attention' ? windowOf(config) : null;
}

export function layerType(config: DecoderConfig, layer: number, slides: DefaultSlides): LayerType {
  return config.layer_types?.[layer] ?? (slides(config, layer) ? 'sliding_attention' : 'full_attention');
}

/** A window of null, or one that `use_sliding_window` switches off, although layers are to slide. */
export function layerTypeProblems(slides: DefaultSlides) {
  return (config: DecoderConfig): ConfigProblem[] => {
    const { num_hidden_layers: layers, layer_types: types } = config;
    if (types && types.length !== layers)
      return [{ key: 'layer_types', expected: `${layers} entries, one per layer`, found: `${types.length}` }];
    const first = Array.from({ length: layers }, (_, layer) => layerType(config, layer, slides)).indexOf(
      'sliding_attention',
    );
    if (first < 0 || windowOf(config) !== null) return [];
    const isOff = config.sliding_window !== null && config.sliding_window !== undefined;
    return [
      {
        key: isOff ? 'use_sliding_window' : 'sliding_window',
        expected: `${isOff ? 'true' : 'a window'}, because layer ${first} slides`,
        found: isOff ? 'false' : 'nothing',
      },
    ];
  };
}

/** Null when the config has no window or switches it off; classes without the switch leave it undefined. */
function windowOf(config: DecoderConfig): number | null {
  return config.use_sliding_window === false ? null : (config.sliding_window ?? null);
}

/** Tokens that every layer sees back, itself included; infinity where none slides. */
export function shortestWindow({ slidingWindow }: Pick<DecoderSpec, 'slidingWindow'>): number {
  return Math.min(...slidingWindow.map((tokens) => tokens ?? Number.POSITIVE_INFINITY));
}
