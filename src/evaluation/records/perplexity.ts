import { z } from 'zod';
import type { MethodPerplexity } from '../perplexity/compare.js';
import { countSchema, figureSchema, intervalSchema, toFigure, toInterval } from './figures.js';

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
  /** Of the perplexity over documents, Student t; null with one document. */
  interval: intervalSchema.nullable(),
  /** The same by bootstrap (BCa); null with fewer than five documents. */
  bootstrap: intervalSchema.nullable().default(null),
  tokens: countSchema,
  documents: z.array(
    z.strictObject({ id: z.string(), tokens: countSchema, windows: countSchema, meanLoss: figureSchema }),
  ),
  /** Mean loss of the tokens at positions [from, to) of their window. */
  lossByPosition: z.array(
    z.strictObject({ from: countSchema, to: countSchema, tokens: countSchema, meanLoss: figureSchema }),
  ),
});

/** What each document counts for in the perplexity of a result, by id: `released` is a mean over windows, the others over tokens. */
export function documentWeights({
  protocol,
  documents,
}: Pick<z.infer<typeof perplexityResultSchema>, 'protocol' | 'documents'>): Map<string, number> {
  return new Map(documents.map(({ id, tokens, windows }) => [id, protocol === 'released' ? windows : tokens]));
}

/** A measured perplexity as a record holds it. */
export function perplexityRecordResult({ result, ...where }: MethodPerplexity): z.infer<typeof perplexityResultSchema> {
  const { protocol, bos, perplexity, meanLoss, interval, bootstrap, tokens, documents, lossByPosition } = result;
  return {
    ...where,
    protocol: protocol.name,
    bos,
    perplexity: toFigure(perplexity),
    meanLoss: toFigure(meanLoss),
    interval: toInterval(interval),
    bootstrap: toInterval(bootstrap),
    tokens,
    documents: documents.map((document) => ({ ...document, meanLoss: toFigure(document.meanLoss) })),
    lossByPosition: lossByPosition.map((bucket) => ({ ...bucket, meanLoss: toFigure(bucket.meanLoss) })),
  };
}
