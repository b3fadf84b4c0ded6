import { z } from 'zod';
import { countSchema } from './figures.js';

/** What Llama-2-7B (chat) scores at 4k: RULER's bar for a length that a model can really use. */
export const RULER_THRESHOLD = 85.6;

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
