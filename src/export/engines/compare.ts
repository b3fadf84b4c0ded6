import type { Intent } from './intent.js';
import type { BuiltRope, EngineRope } from './types.js';

export type Verdict =
  | { readonly verdict: 'exact' }
  | {
      readonly verdict: 'differs';
      /** Largest |engine angle - intended angle| over pairs and positions 0..length-1, radians, not wrapped. */
      readonly largestAngleError: number;
      /** Where that is: rotary pair (dimensions pair and pair + rotary width / 2) and position. */
      readonly pair: number;
      readonly position: number;
      /** Global layers are as intended, local ones are not. */
      readonly inLocalLayers: boolean;
      /** Engine / intent. */
      readonly attentionFactorRatio: number;
      readonly lever: string | null;
    }
  | { readonly verdict: 'unsupported'; readonly dropped: readonly string[]; readonly lever: string | null }
  /** The config has no single meaning, or the engine's behaviour is not known. */
  | { readonly verdict: 'unknown'; readonly reason: string };

/** Engines differ in the order of float32 operations; a few units in the last place are the same table. */
const FREQUENCY_TOLERANCE = 2 ** -21;
const ATTENTION_TOLERANCE = 1e-6;
const NO_MEANING = 'the config has no single meaning (see the traps)';

/** Judges what an engine built for `length` tokens by what the config means; `intent` undefined: it has no single meaning. */
export function compareWithIntent(built: EngineRope, intent: Intent | undefined, length: number): Verdict {
  if (built.outcome === 'refused')
    return { verdict: 'unsupported', dropped: [built.reason], lever: built.lever ?? null };
  if (built.outcome === 'unknown') return { verdict: 'unknown', reason: built.reason };
  const startTokens = intent?.startTokens ?? 0;
  if (startTokens > 0)
    return {
      verdict: 'unsupported',
      dropped: [...built.dropped, `${startTokens} start tokens: every position is rescaled`],
      lever: null,
    };
  if (built.dropped.length > 0) return { verdict: 'unsupported', dropped: built.dropped, lever: built.lever ?? null };
  if (intent === undefined) return { verdict: 'unknown', reason: NO_MEANING };
  const { inverseFrequency: expected, attentionFactor } = intent.at(length);
  if (expected.length !== built.inverseFrequency.length)
    return {
      verdict: 'unsupported',
      dropped: [`rotary width: ${2 * built.inverseFrequency.length} dimensions instead of ${2 * expected.length}`],
      lever: built.lever ?? null,
    };
  const attentionFactorRatio = built.attentionFactor / attentionFactor;
  const differs = { verdict: 'differs' as const, attentionFactorRatio, lever: built.lever ?? null };
  const isSame = built.zeroAngleAt === undefined && areSame(built.inverseFrequency, expected);
  if (!isSame || Math.abs(attentionFactorRatio - 1) > ATTENTION_TOLERANCE)
    return { ...differs, ...largestError(built, expected, length), inLocalLayers: false };
  const { local } = intent;
  if (local === undefined) return { verdict: 'exact' };
  const ofLocal = built.localInverseFrequency;
  if (ofLocal === undefined) return { verdict: 'unknown', reason: 'what it does to local layers is not modelled' };
  if (areSame(ofLocal, local.inverseFrequency)) return { verdict: 'exact' };
  const error = largestError({ inverseFrequency: ofLocal }, local.inverseFrequency, length);
  return { ...differs, ...error, inLocalLayers: true };
}

function areSame(frequencies: Float32Array, expected: Float32Array): boolean {
  return frequencies.every((value, pair) => Math.abs(value - expected[pair]!) <= FREQUENCY_TOLERANCE * expected[pair]!);
}

/** Angles grow with the position, so the last one has the largest error, unless a row is out of place. */
function largestError(
  built: Pick<BuiltRope, 'inverseFrequency' | 'zeroAngleAt'>,
  expected: Float32Array,
  length: number,
) {
  let largest = { largestAngleError: 0, pair: 0, position: length - 1 };
  const consider = (largestAngleError: number, pair: number, position: number) => {
    if (largestAngleError > largest.largestAngleError) largest = { largestAngleError, pair, position };
  };
  expected.forEach((frequency, pair) => {
    consider(Math.abs(built.inverseFrequency[pair]! - frequency) * (length - 1), pair, length - 1);
    if (built.zeroAngleAt !== undefined) consider(frequency * built.zeroAngleAt, pair, built.zeroAngleAt);
  });
  return largest;
}
