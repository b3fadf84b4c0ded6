import type { DecoderSpec } from '../../model/types.js';
import { type Expression, input, scalar, vector } from './expression.js';
import * as o from './operations.js';

/** Inputs of `attentionBackward` by name. */
export interface AttentionInputs {
  /** Rotated queries of the block, what attention gave for them, and the gradient of that; all [Q, heads * headDim]. */
  readonly q: Expression;
  readonly attended: Expression;
  readonly dAttended: Expression;
  /** Rotated keys and values they may see, [K, keyValueHeads * headDim]. */
  readonly k: Expression;
  readonly v: Expression;
  /** The same keys in two parts: those that every query of the block sees [S, ...], and the rest [M, ...]; null if there are none of the first. */
  readonly parts: { readonly seen: Expression; readonly masked: Expression } | null;
  /** For the second part, [1, Q * heads / keyValueHeads, M]: 0, or minus infinity where a query does not see a key. */
  readonly mask: Expression;
}

export function attentionBackwardInputs(
  { heads, keyValueHeads, headDim }: DecoderSpec,
  seenByAll: boolean,
): AttentionInputs {
  const [width, keyWidth] = [heads * headDim, keyValueHeads * headDim];
  return {
    q: input('q', ['Q', width]),
    attended: input('attended', ['Q', width]),
    dAttended: input('d_attended', ['Q', width]),
    k: input('k', ['K', keyWidth]),
    v: input('v', ['K', keyWidth]),
    parts: seenByAll
      ? { seen: input('seen_keys', ['S', keyWidth]), masked: input('masked_keys', ['M', keyWidth]) }
      : null,
    mask: input('mask', [1, 'QG', seenByAll ? 'M' : 'K']),
  };
}

/**
 * Gradients of softmax(scale q kᵀ + mask) v for a block of queries: `dQ`, and `dK` and `dV` as far as these queries add to them. Written
 * out and not derived by `backward`, because every pass over the scores counts: they are the only matrices whose size grows
 * with the square of a length. With P the softmax, dS = P (dO vᵀ - D), where D = rowsum(dO O) (Dao et al. 2022, section 3.1): O is
 * known from the forward pass, and D rides along as one more column of dO against a column of ones beside v. The mask
 * touches only keys that some query does not see.
 */
export function attentionBackward(spec: DecoderSpec, rows: AttentionInputs) {
  const { heads, keyValueHeads, headDim } = spec;
  const group = heads / keyValueHeads;
  const byHead = (x: Expression, perHead: number) =>
    o.transpose(o.reshape(x, [x.shape[0] as string, keyValueHeads, perHead]), [1, 0, 2]);
  // Query heads that share keys are stacked as rows: one product for all of them.
  const queries = (x: Expression) => o.reshape(byHead(x, group * headDim), [keyValueHeads, 'QG', headDim]);
  const perToken = (x: Expression, size: string, perHead: number) =>
    o.reshape(o.transpose(o.reshape(x, [keyValueHeads, size, perHead]), [1, 0, 2]), [size, keyValueHeads * perHead]);
  const keys = (x: Expression) => byHead(x, headDim);

  const q = o.mul(queries(rows.q), scalar(spec.attentionScale));
  const products = (k: Expression) => o.matMul(q, o.swapLast(keys(k)));
  const masked = o.add(products(rows.parts?.masked ?? rows.k), rows.mask);
  const scores = rows.parts ? o.concat([products(rows.parts.seen), masked], 2, 'K') : masked;
  const p = o.softmax(scores);
  const dO = queries(rows.dAttended);
  const minusD = o.neg(o.reduceSum(o.mul(dO, queries(rows.attended)), [2]));
  const ones = vector([...Array<number>(headDim).fill(0), 1]);
  const dS = o.mul(p, o.matMul(o.concat([dO, minusD], 2), o.swapLast(o.add(o.pad(keys(rows.v), 2, 0, 1), ones))));
  const dQ = o.mul(o.matMul(dS, keys(rows.k)), scalar(spec.attentionScale));
  return {
    dQ: perToken(dQ, 'Q', group * headDim),
    dK: perToken(o.matMul(o.swapLast(dS), q), 'K', headDim),
    dV: perToken(o.matMul(o.swapLast(p), dO), 'K', headDim),
  };
}
