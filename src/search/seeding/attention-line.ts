import type { Candidate, Evaluation } from '../types.js';

/** Below every attention factor that the searched models of this size wanted, but for one. */
const LOW = 0.85;

/** The formula's is hardly above 1 for small ratios. */
const LEAST_HIGH = 1.1;

/**
 * A seed with three attention factors, below, at and above 1. The loss is nearly a parabola in ln attention factor, and the best one of a
 * closed form is nearly that of the best set: a descent that has to find it on its way needs many steps, or steps so long that they lead
 * into a worse valley (docs/search.md).
 */
export function attentionLine(seed: Candidate, usual: number): readonly Candidate[] {
  return [LOW, 1, Math.max(LEAST_HIGH, usual)].map((attentionFactor) => ({ ...seed, attentionFactor }));
}

/**
 * The vertex of the parabola through the losses of an `attentionLine`, at most one of its gaps outside; the best of the three where there
 * is none (no minimum, a loss that is not finite).
 */
export function bestOfLine(line: readonly Evaluation[]): number {
  const [low, middle, high] = line.map(({ candidate, loss }) => ({
    x: Math.log(candidate.attentionFactor),
    y: loss,
  })) as [Point, Point, Point];
  const best = line.reduce((a, b) => (b.loss < a.loss ? b : a));
  if (line.some(({ loss }) => !Number.isFinite(loss))) return best.candidate.attentionFactor;
  const before = slope(low, middle);
  const curvature = (slope(middle, high) - before) / ((high.x - low.x) / 2);
  if (!(curvature > 0)) return best.candidate.attentionFactor;
  const vertex = (low.x + middle.x) / 2 - before / curvature;
  const within = [2 * low.x - middle.x, 2 * high.x - middle.x] as const;
  return Math.exp(Math.min(within[1], Math.max(within[0], vertex)));
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function slope(a: Point, b: Point): number {
  return (b.y - a.y) / (b.x - a.x);
}
