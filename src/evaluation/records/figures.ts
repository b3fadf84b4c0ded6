import { z } from 'zod';
import type { Interval } from '../statistics/ratio.js';

/** A measured number; null = not finite (JSON has no infinity). */
export const figureSchema = z.number().nullable();
export const countSchema = z.int().nonnegative();
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 in lower-case hex');
export const intervalSchema = z.strictObject({ low: figureSchema, high: figureSchema, level: z.number() });

/** An interval as a record holds it. */
export function toInterval(interval: Interval | null): z.infer<typeof intervalSchema> | null {
  return interval && { low: toFigure(interval.low), high: toFigure(interval.high), level: interval.level };
}

/** Brings a computed number into a record: infinities and NaN become null. */
export function toFigure(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
