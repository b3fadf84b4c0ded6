import { z } from 'zod';
import type { LossRequest } from '../objective.js';
import type { Candidate, SearchProblem } from '../types.js';

/**
 * What a search and a command say to each other: one JSON object per line, UTF-8, the command's on its standard output
 * (docs/outside-objective.md). JSON has no NaN and no infinity: null stands for a loss that is not finite.
 */
export const PROTOCOL = 'longrope-objective/1';

const documentSchema = z.strictObject({
  name: z.string().min(1),
  /** Tokens that are scored, for every candidate alike. */
  tokens: z.number().int().positive(),
});

/** The command's first line. */
export const helloSchema = z.strictObject({
  type: z.literal('hello'),
  protocol: z.literal(PROTOCOL),
  name: z.string().min(1),
  fingerprint: z.string().optional(),
  gradients: z.boolean().default(false),
  documents: z.array(documentSchema).min(1),
  heldOut: z.array(documentSchema).default([]),
});
export type Hello = z.infer<typeof helloSchema>;

const gradientSchema = z.strictObject({
  logFactors: z.array(z.number()).readonly(),
  logAttentionFactor: z.number(),
});

/** What is known of one document under one candidate. */
export const lossSchema = z.strictObject({
  /** Nats, summed over the scored tokens. */
  lossSum: z.number().nullable(),
  tokens: z.number(),
  gradient: gradientSchema.optional(),
});
export type ReportedLoss = z.infer<typeof lossSchema>;

/** The command's answer to a request, by the id of the request. */
export const answerSchema = z.discriminatedUnion('type', [
  lossSchema.extend({ type: z.literal('loss'), id: z.number() }),
  z.strictObject({ type: z.literal('error'), id: z.number(), message: z.string() }),
]);

/** The search's first line to each worker: what is searched, so that texts can be cut to the target length. */
export function helloMessage(problem: SearchProblem, worker: number): object {
  const { headDim, rotaryDim, theta, originalLength, targetLength } = problem;
  return { type: 'hello', protocol: PROTOCOL, worker, headDim, rotaryDim, theta, originalLength, targetLength };
}

export function lossMessage(id: number, document: string, candidate: Candidate, gradient: boolean): object {
  const { factors, attentionFactor, startTokens } = candidate;
  return { type: 'loss', id, document, factors: [...factors], attentionFactor, startTokens, gradient };
}

/** What is wrong with a loss that was reported, in words; null: nothing. */
export function faultOfLoss(
  { lossSum, tokens, gradient: given }: ReportedLoss,
  { candidate, gradient = false }: LossRequest,
  expectedTokens: number,
): { readonly expected: string; readonly found: string } | null {
  if (tokens !== expectedTokens)
    return { expected: `${expectedTokens} scored tokens, as announced`, found: `${tokens}` };
  if (!gradient || lossSum === null) return null;
  const pairs = candidate.factors.length;
  if (given === undefined) return { expected: 'a gradient, as it was asked for', found: 'a loss alone' };
  if (given.logFactors.length !== pairs)
    return { expected: `a gradient of ${pairs} factors`, found: `one of ${given.logFactors.length}` };
  return null;
}
