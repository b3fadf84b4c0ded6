import type { CandidateGradient, DocumentLoss, ShortLoss } from './objective.js';
import type { Json } from './types.js';

type Entry = { readonly [key: string]: Json };

/** A loss as the journal holds it: JSON knows no infinities, null stands for them. */
export function lossEntry(request: number, { lossSum, tokens, gradient, parts, short }: DocumentLoss): Entry {
  return {
    type: 'loss',
    request,
    lossSum: finite(lossSum),
    tokens,
    ...(gradient && { gradient: { ...gradient } }),
    ...(parts && { parts: parts.map(finite) }),
    ...(short && {
      short: { excess: finite(short.excess), ...(short.gradient && { gradient: { ...short.gradient } }) },
    }),
  };
}

export function parseLossEntry(entry: Entry): DocumentLoss {
  const { lossSum, tokens, gradient, parts, short } = entry as unknown as {
    readonly lossSum: number | null;
    readonly tokens: number;
    readonly gradient?: CandidateGradient;
    readonly parts?: readonly (number | null)[];
    readonly short?: Omit<ShortLoss, 'excess'> & { readonly excess: number | null };
  };
  return {
    lossSum: lossSum ?? Number.POSITIVE_INFINITY,
    tokens,
    ...(gradient && { gradient }),
    ...(parts && { parts: parts.map((part) => part ?? Number.POSITIVE_INFINITY) }),
    ...(short && { short: { ...short, excess: short.excess ?? Number.POSITIVE_INFINITY } }),
  };
}

/** The loss with +Infinity for everything that is not finite, as the journal gives it back. */
export function soundLoss(loss: DocumentLoss): DocumentLoss {
  const sound = (value: number) => (Number.isFinite(value) ? value : Number.POSITIVE_INFINITY);
  const { parts, short } = loss;
  return {
    ...loss,
    lossSum: sound(loss.lossSum),
    ...(parts && { parts: parts.map(sound) }),
    ...(short && { short: { ...short, excess: sound(short.excess) } }),
  };
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
