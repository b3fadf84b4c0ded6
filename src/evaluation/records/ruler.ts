import { z } from 'zod';
import { countSchema } from './figures.js';

/** One RULER task of one method at one length. */
export const rulerResultSchema = z.strictObject({
  method: z.string(),
  length: countSchema.positive(),
  task: z.string(),
  samples: z.array(
    z.strictObject({
      id: z.string(),
      promptTokens: countSchema.positive(),
      expected: z.array(z.string()).min(1),
      answer: z.string(),
      /** Share of `expected` found in the answer, 0 to 1. */
      score: z.number().min(0).max(1),
    }),
  ),
});
