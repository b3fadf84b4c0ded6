import { z } from 'zod';
import { countSchema, figureSchema, intervalSchema } from './figures.js';

/** Perplexity of one method at one length. */
export const perplexityResultSchema = z.strictObject({
  method: z.string(),
  length: countSchema.positive(),
  /** length / original length */
  ratio: z.number().positive(),
  attentionFactor: z.number().positive(),
  startTokens: countSchema,
  protocol: z.enum(['document', 'released', 'sliding']),
  bos: z.boolean(),
  perplexity: figureSchema,
  /** nats; weighted as the protocol says */
  meanLoss: figureSchema,
  /** Of the perplexity over documents; null with one document. */
  interval: intervalSchema.nullable(),
  tokens: countSchema,
  documents: z.array(
    z.strictObject({ id: z.string(), tokens: countSchema, windows: countSchema, meanLoss: figureSchema }),
  ),
  /** Mean loss of the tokens at positions [from, to) of their window. */
  lossByPosition: z.array(
    z.strictObject({ from: countSchema, to: countSchema, tokens: countSchema, meanLoss: figureSchema }),
  ),
});
