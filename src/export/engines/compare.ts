import type { ResolvedRope } from '../../rope/types.js';
import type { EngineRope } from './types.js';

export type Verdict =
  | { readonly verdict: 'exact' }
  | {
      readonly verdict: 'differs';
      /** Largest |engine angle - intended angle| over pairs and positions 0..length-1, radians, not wrapped. */
      readonly largestAngleError: number;
      /** Engine / intent. */
      readonly attentionFactorRatio: number;
    }
  | { readonly verdict: 'unsupported'; readonly dropped: readonly string[] }
  /** The config has no single meaning, or the engine's behaviour is not known. */
  | { readonly verdict: 'unknown'; readonly reason: string };

/** Engines differ in the order of float32 operations; a few units in the last place are the same table. */
const FREQUENCY_TOLERANCE = 2 ** -21;
const ATTENTION_TOLERANCE = 1e-6;

/** Judges what an engine built for `length` tokens by what the config means; `intent` undefined: it has no single meaning. */
export function compareWithIntent(built: EngineRope, intent: ResolvedRope | undefined, length: number): Verdict {
  if (built.outcome === 'refused') return { verdict: 'unsupported', dropped: [built.reason] };
  if (built.outcome === 'unknown') return { verdict: 'unknown', reason: built.reason };
  if (built.dropped.length > 0) return { verdict: 'unsupported', dropped: built.dropped };
  if (intent === undefined) return { verdict: 'unknown', reason: 'the config has no single meaning (see the traps)' };
  const expected = intent.inverseFrequency;
  if (expected.length !== built.inverseFrequency.length)
    return {
      verdict: 'unsupported',
      dropped: [`rotary width: ${2 * built.inverseFrequency.length} dimensions instead of ${2 * expected.length}`],
    };
  let isSame = true;
  let largest = 0;
  built.inverseFrequency.forEach((frequency, pair) => {
    const difference = Math.abs(frequency - expected[pair]!);
    if (difference > FREQUENCY_TOLERANCE * expected[pair]!) isSame = false;
    largest = Math.max(largest, difference);
  });
  const attentionFactorRatio = built.attentionFactor / intent.attentionFactor;
  if (isSame && Math.abs(attentionFactorRatio - 1) <= ATTENTION_TOLERANCE) return { verdict: 'exact' };
  return { verdict: 'differs', largestAngleError: largest * (length - 1), attentionFactorRatio };
}
