import { z } from 'zod';
import { UserError } from '../../errors.js';
import type { DocumentLoss, LossRequest } from '../objective.js';
import { answerSchema, faultOfLoss, type Hello, helloSchema } from './protocol.js';

/**
 * The first answer of a command. Throws `UserError('input')` for one that is wrong; a name that is there twice, or on both sides, is a text
 * counted twice or one that is not held out.
 */
export function readHello(message: unknown, where: string): Hello {
  const hello = parseMessage(helloSchema, message, where);
  const names = [...hello.documents, ...hello.heldOut].map(({ name }) => name);
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  if (repeated.length === 0) return hello;
  throw new UserError('input', {
    where,
    expected: 'documents with a name of their own',
    found: `${[...new Set(repeated)].join(', ')} twice`,
  });
}

export interface AskedLoss {
  readonly id: number;
  readonly request: LossRequest;
  /** Scored tokens of the document, which the answer must repeat. */
  readonly tokens: number;
  readonly where: string;
}

/** The answer to a request. Throws `UserError`: 'resource' where the command says that it failed, 'input' for an answer that is wrong. */
export function readLoss(answer: unknown, { id, request, tokens, where }: AskedLoss): DocumentLoss {
  const parsed = parseMessage(answerSchema, answer, where);
  if (parsed.id !== id)
    throw new UserError('input', { where, expected: `the answer to request ${id}`, found: `that to ${parsed.id}` });
  if (parsed.type === 'error')
    throw new UserError('resource', {
      where,
      expected: 'a loss',
      found: parsed.message,
      fix: 'the same search resumes when the command can answer',
    });
  const fault = faultOfLoss(parsed, request, tokens);
  if (fault !== null) throw new UserError('input', { where, ...fault });
  const { lossSum, gradient } = parsed;
  const isWanted = request.gradient === true && lossSum !== null && gradient !== undefined;
  return { lossSum: lossSum ?? Number.POSITIVE_INFINITY, tokens, ...(isWanted && { gradient }) };
}

function parseMessage<Schema extends z.ZodType>(schema: Schema, message: unknown, where: string): z.infer<Schema> {
  const parsed = schema.safeParse(message);
  if (parsed.success) return parsed.data;
  throw new UserError('input', {
    where,
    expected: z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' '),
    found: JSON.stringify(message) ?? 'nothing',
  });
}
