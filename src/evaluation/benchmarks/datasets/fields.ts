import { z } from 'zod';

/** A text that says something. */
export const textSchema = z.string().refine((text) => text.trim() !== '', 'a text that is not empty');

/** A whole number that JSON, a string column or an int64 column of Parquet may hold. */
export const indexSchema = z
  .union([z.int(), z.bigint(), z.string().regex(/^\d+$/)], 'a whole number')
  .transform(Number);

export function oneRight(count: number, right: number): boolean[] {
  return Array.from({ length: count }, (_, index) => index === right);
}
