import { describe, expect, it } from 'vitest';
import { logFactorGradient, ropeGradient } from '../../src/rope/table-gradient.js';
import type { ResolvedRope } from '../../src/rope/types.js';
import { seededRandom } from '../helpers/random.js';

const LENGTH = 40;
const PAIRS = 4;
const BASE = [1, 0.1, 0.01, 0];
const FACTORS = [1, 1.5, 3, 8];
const FACTOR = 1.25;

interface Point {
  readonly factors: readonly number[];
  readonly attentionFactor: number;
}

/** LongRoPE's equation 3 in float64, weighted at random: a loss of the tables. */
function lossOf({ factors, attentionFactor }: Point, startTokens: number, weights: ReturnType<typeof randomWeights>) {
  let loss = 0;
  for (let position = 0, entry = 0; position < LENGTH; position++)
    for (let pair = 0; pair < PAIRS; pair++, entry++) {
      const angle = (position * BASE[pair]!) / (position < startTokens ? 1 : factors[pair]!);
      loss += attentionFactor * (weights.cos[entry]! * Math.cos(angle) + weights.sin[entry]! * Math.sin(angle));
    }
  return loss;
}

function randomWeights() {
  const random = seededRandom(3);
  const draw = () => Float64Array.from({ length: LENGTH * PAIRS }, () => random() - 0.5);
  return { cos: draw(), sin: draw() };
}

describe.each([0, 7])('from tables to factors, %i start tokens', (startTokens) => {
  it('agrees with central differences in float64', () => {
    const weights = randomWeights();
    const at = (point: Partial<Point>) =>
      lossOf({ factors: FACTORS, attentionFactor: FACTOR, ...point }, startTokens, weights);
    const step = 1e-5;
    const ofAttention = (at({ attentionFactor: FACTOR + step }) - at({ attentionFactor: FACTOR - step })) / (2 * step);
    const ofLogFactor = FACTORS.map((factor, pair) => {
      const moved = (by: number) => at({ factors: FACTORS.with(pair, factor * Math.exp(by)) });
      return (moved(step) - moved(-step)) / (2 * step);
    });
    const scaled = BASE.map((base, pair) => base / FACTORS[pair]!);
    // Tables in float64, which is more than the engine's: what is tested is the chain rule, not rounding.
    const table = (f: (angle: number) => number) =>
      Float64Array.from({ length: LENGTH * PAIRS }, (_, entry) => {
        const position = Math.floor(entry / PAIRS);
        return FACTOR * f(position * (position < startTokens ? BASE : scaled)[entry % PAIRS]!);
      }) as unknown as Float32Array;
    const rope = {
      inverseFrequency: scaled as unknown as Float32Array,
      baseInverseFrequency: Float32Array.from(BASE),
      attentionFactor: FACTOR,
      startTokens,
    } satisfies ResolvedRope;
    const gradient = ropeGradient(
      rope,
      { length: LENGTH, width: PAIRS, cos: table(Math.cos), sin: table(Math.sin) },
      weights,
    );
    expect(gradient.attentionFactor).toBeCloseTo(ofAttention, 8);
    const ours = logFactorGradient(rope, gradient);
    ofLogFactor.forEach((expected, pair) => {
      expect(Math.abs(ours[pair]! - expected)).toBeLessThan(1e-7 * Math.max(1, Math.abs(expected)));
    });
    // The pair that does not turn has no say.
    expect(ours[3]).toBeCloseTo(0, 15);
    expect(Math.min(...ofLogFactor.slice(0, 3).map(Math.abs))).toBeGreaterThan(1e-3);
  });
});
