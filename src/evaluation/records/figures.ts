import { z } from 'zod';

/** A measured number; null = not finite (JSON has no infinity). */
export const figureSchema = z.number().nullable();
export const countSchema = z.int().nonnegative();
export const intervalSchema = z.strictObject({ low: figureSchema, high: figureSchema, level: z.number() });

/** Brings a computed number into a record: infinities and NaN become null. */
export function toFigure(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
