import { z } from 'zod';
import { UserError } from '../../errors.js';
import { inParallel } from '../../run/index.js';
import type { DocumentLoss, LossRequest, Objective } from '../objective.js';
import type { Candidate } from '../types.js';
import { faultOfLoss, lossSchema } from './protocol.js';

export interface FunctionObjectiveOptions {
  /** Names, each once, and how many tokens of each are scored. */
  readonly documents: readonly { readonly name: string; readonly tokens: number }[];
  /**
   * The loss of a candidate on a document (an index): negative log-likelihood in nats summed over its tokens; not finite
   * is allowed and loses. With `gradient` also the derivatives of `lossSum` with respect to ln of every factor and ln of
   * the attention factor.
   */
  readonly loss: (
    candidate: Candidate,
    document: number,
    options: { readonly gradient: boolean; readonly signal: AbortSignal },
  ) => DocumentLoss | Promise<DocumentLoss>;
  /** Whether `loss` gives gradients; default no. */
  readonly gradients?: boolean;
  /** Calls under way at the same time; default 1. The result of a search does not depend on it. */
  readonly concurrency?: number;
}

/**
 * Any function from a candidate and a document to a loss as an `Objective`, to be searched by every algorithm. It must give
 * the same bits whenever it is asked the same, or a search cannot be repeated. Throws `UserError('input')` for a list of
 * documents or an answer that is none.
 */
export function functionObjective(options: FunctionObjectiveOptions): Objective {
  const { documents, loss, gradients = false, concurrency = 1 } = options;
  checkDocuments(documents);
  const scoredTokens = documents.map(({ tokens }) => tokens);
  return {
    documents: documents.map(({ name }) => name),
    scoredTokens,
    gradients,
    async evaluate(requests, { onResult, signal } = {}) {
      const losses: DocumentLoss[] = [];
      await inParallel(
        [...requests.entries()],
        Math.max(1, concurrency),
        async ([index, request], stopped) => {
          const { candidate, document, gradient = false } = request;
          const answer = await loss(candidate, document, { gradient, signal: stopped });
          const result = soundLoss(answer, request, documents[document] as { name: string; tokens: number });
          losses[index] = result;
          onResult?.(index, result);
        },
        signal,
      );
      return losses;
    },
  };
}

function checkDocuments(documents: FunctionObjectiveOptions['documents']): void {
  const names = documents.map(({ name }) => name);
  const problems = documents.flatMap(({ name, tokens }, i) => [
    ...(names.indexOf(name) === i
      ? []
      : [{ where: `document ${name}`, expected: 'documents with a name of their own', found: 'one name twice' }]),
    ...(Number.isSafeInteger(tokens) && tokens > 0
      ? []
      : [{ where: `document ${name}`, expected: 'how many tokens are scored', found: `${tokens}` }]),
  ]);
  if (documents.length === 0)
    problems.push({ where: 'the objective', expected: 'at least one document', found: 'none' });
  if (problems.length > 0) throw new UserError('input', problems);
}

/** Infinities and NaN are losses of a function; what is no number at all is not. */
const functionLossSchema = lossSchema.extend({
  lossSum: z.union([z.number(), z.nan(), z.literal(Number.POSITIVE_INFINITY), z.literal(Number.NEGATIVE_INFINITY)]),
});

function soundLoss(
  answer: DocumentLoss,
  request: LossRequest,
  { name, tokens }: { readonly name: string; readonly tokens: number },
): DocumentLoss {
  const where = `the objective's loss on ${name}`;
  // Derivatives of what is not finite are not either.
  const isPlain = typeof answer?.lossSum !== 'number' || Number.isFinite(answer.lossSum);
  const parsed = functionLossSchema.safeParse(isPlain ? answer : { ...answer, gradient: undefined });
  if (!parsed.success)
    throw new UserError('input', {
      where,
      expected: '{ lossSum, tokens }, and a gradient where it is asked for',
      found: z.prettifyError(parsed.error).replaceAll('\n', ' '),
    });
  const lossSum = Number.isFinite(answer.lossSum) ? answer.lossSum : null;
  const fault = faultOfLoss({ ...answer, lossSum }, request, tokens);
  if (fault !== null) throw new UserError('input', { where, ...fault });
  const { gradient } = answer;
  const isWanted = request.gradient === true && lossSum !== null && gradient !== undefined;
  return { lossSum: lossSum ?? Number.POSITIVE_INFINITY, tokens, ...(isWanted && { gradient }) };
}
