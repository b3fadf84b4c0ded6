import { z } from 'zod';
import { countSchema } from './figures.js';

const retrievalTrialSchema = z.strictObject({
  id: z.string(),
  /** Place of the first needle in the haystack, 0 = start, 1 = end. */
  depth: z.number().min(0).max(1),
  promptTokens: countSchema.positive(),
  /** What has to be in the answer. */
  expected: z.array(z.string()).min(1),
  answer: z.string(),
  /** How many of `expected` are in the answer. */
  found: countSchema,
  correct: z.boolean(),
});
export type RetrievalTrial = z.infer<typeof retrievalTrialSchema>;

/** Passkey or needle trials of one method at one length. */
export const retrievalResultSchema = z.strictObject({
  method: z.string(),
  /** Token budget: prompt and answer together. */
  length: countSchema.positive(),
  trials: z.array(retrievalTrialSchema),
});
