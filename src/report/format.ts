/** How figures are written, in the terminal and on the page alike; the two must never show different digits. */
import type { Figure, Interval, SearchPanel } from './view-model.js';

const INFINITE = '∞';

export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

/** Two decimals, the precision results are compared at; fewer once the number is so large that only its size matters. */
export function formatPerplexity(value: Figure): string {
  if (value === null) return INFINITE;
  if (value < 10_000) return value.toFixed(2);
  return value < 1e8 ? formatCount(Math.round(value)) : value.toExponential(2);
}

export function formatInterval({ low, high }: Interval): string {
  return `${formatPerplexity(low)}–${formatPerplexity(high)}`;
}

/** nats per token; candidates of a converging search differ in the fourth decimal. */
export function formatLoss(value: Figure): string {
  return value === null ? INFINITE : value.toFixed(4);
}

export function formatFactor(value: number): string {
  return value.toFixed(3);
}

/** A ratio as the size of its change: 0.85 gives "15.0%". */
export function formatChange(ratio: number): string {
  return `${(Math.abs(ratio - 1) * 100).toFixed(1)}%`;
}

export function formatConfidence(confidence: number): string {
  return `${Number((confidence * 100).toFixed(1))}%`;
}

/** "budget: 700, tolerance: 1e-6"; "-" while a search goes on. */
export function describeStop(stopReasons: SearchPanel['runs'][number]['stopReasons']): string {
  const entries = Object.entries(stopReasons).map(([reason, value]) =>
    value === true ? reason : `${reason}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return entries.length === 0 ? '-' : entries.join(', ');
}

/** Period of a rotary pair in tokens, 2 pi theta^(i / pairs). */
export function wavelength(theta: number, rotaryPairs: number, pair: number): number {
  return 2 * Math.PI * theta ** (pair / rotaryPairs);
}

/** Inverse of `wavelength`: the (fractional) pair that turns once in `tokens`. */
export function pairOfWavelength(theta: number, rotaryPairs: number, tokens: number): number {
  return (rotaryPairs * Math.log(tokens / (2 * Math.PI))) / Math.log(theta);
}

/** Points of 100, one decimal. */
export function formatPoints(value: number): string {
  return value.toFixed(1);
}

export function formatSigned(value: Figure): string {
  if (value === null) return INFINITE;
  const rounded = value.toFixed(1);
  // What rounds to nothing has no direction.
  if (Number(rounded) === 0) return '0.0';
  return value < 0 ? rounded : `+${rounded}`;
}

export function formatPValue(value: number): string {
  return value < 0.001 ? '< 0.001' : value.toFixed(3);
}
