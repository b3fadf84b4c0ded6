import { z } from 'zod';
import { countSchema, figureSchema, intervalSchema } from './figures.js';

/** LongPPL of one method at one length: perplexity over the tokens for which a judge model gains from the long context. */
export const longPerplexityResultSchema = z.strictObject({
  method: z.string(),
  length: countSchema.positive(),
  /** Which model and method marked the key tokens. */
  judge: z.string(),
  longPerplexity: figureSchema,
  interval: intervalSchema.nullable(),
  /** By bootstrap (BCa) over documents with key tokens; null with fewer than five of them. */
  bootstrap: intervalSchema.nullable().default(null),
  /** Ordinary perplexity of the same tokens and their neighbours, protocol `document`. */
  perplexity: figureSchema,
  keyTokens: countSchema,
  tokens: countSchema,
  documents: z.array(
    z.strictObject({
      id: z.string(),
      tokens: countSchema,
      keyTokens: countSchema,
      meanLoss: figureSchema,
      /** nats per key token; null without key tokens */
      keyLoss: figureSchema,
    }),
  ),
});
