import { parseRopeConfig } from '../src/model/rope-config.js';
import type { RopeSpec } from '../src/model/types.js';
import { rescaledRope, resolveRope } from '../src/rope/index.js';
import type { ResolvedRope } from '../src/rope/types.js';

/** One RoPE for both sides: what parity/reference.py takes, and what ours makes of the same numbers. */
export interface RopeCase {
  readonly name: string;
  readonly reference: Readonly<Record<string, unknown>>;
  resolve(length: number): ResolvedRope;
}

/** Every RoPE type, as if the model had been trained for `original` tokens, and factors with start tokens as a search makes them. */
export function ropeCases({ geometry }: RopeSpec, original: number): RopeCase[] {
  const pairs = geometry.rotaryDim / 2;
  const short = factors(pairs, 1.37);
  const long = factors(pairs, 7.6);
  const fromConfig = (name: string, parameters: object, maximum = 8 * original): RopeCase => {
    const config = {
      max_position_embeddings: maximum,
      rope_parameters: { rope_type: name, rope_theta: geometry.theta, ...parameters },
    };
    const parsed = parseRopeConfig(config, { headDim: geometry.headDim });
    return {
      name,
      reference: { config },
      resolve: (length) => resolveRope(parsed.geometry, parsed.scaling, length),
    };
  };
  const searched = rescaledRope(geometry, { factors: long, attentionFactor: 1.06, startTokens: 64 });
  return [
    fromConfig('default', {}),
    fromConfig('linear', { factor: 4 }),
    fromConfig('dynamic', { factor: 2 }, original),
    fromConfig('yarn', { factor: 8, original_max_position_embeddings: original }),
    fromConfig('llama3', {
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: original,
    }),
    fromConfig('longrope', {
      short_factor: short,
      long_factor: long,
      original_max_position_embeddings: original,
    }),
    fromConfig('proportional', { partial_rotary_factor: 0.5, factor: 2 }),
    {
      name: 'factors with 64 start tokens',
      reference: {
        inverse_frequency: [...searched.inverseFrequency],
        base_inverse_frequency: [...searched.baseInverseFrequency],
        attention_factor: searched.attentionFactor,
        start_tokens: searched.startTokens,
      },
      resolve: () => searched,
    },
  ];
}

function factors(pairs: number, last: number): number[] {
  return Array.from({ length: pairs }, (_, pair) => Number((1 + (last - 1) * (pair / (pairs - 1)) ** 2).toFixed(4)));
}
