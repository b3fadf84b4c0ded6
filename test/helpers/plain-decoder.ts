import { afterAttention, beforeAttention, head } from '../../src/graph/gradient/decoder-parts.js';
import { type Expression, input, scalar } from '../../src/graph/gradient/expression.js';
import * as o from '../../src/graph/gradient/operations.js';
import { decoderTensors } from '../../src/model/index.js';
import type { DecoderSpec } from '../../src/model/types.js';
import { integers, openPlain, type Values } from './plain-graph.js';

export type Weights64 = ReadonlyMap<string, Float64Array>;
export interface Tables64 {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/**
 * Causal attention of a block of Q queries to K keys. A query sees the keys from `firstKey` int64 [1, Q, 1] to `lastKey`, both
 * counted within `keyNumbers` int64 [1, 1, K]: causality, windows and document boundaries are all of that form.
 */
function blockAttention(
  spec: DecoderSpec,
  rows: { readonly q: Expression; readonly k: Expression; readonly v: Expression },
  visible: { readonly keyNumbers: Expression; readonly firstKey: Expression; readonly lastKey: Expression },
): Expression {
  const { keyValueHeads, headDim } = spec;
  const group = spec.heads / keyValueHeads;
  const heads = (x: Expression, perHead: number) =>
    o.transpose(o.reshape(x, [x.shape[0] as string, keyValueHeads, perHead]), [1, 0, 2]);
  // Query heads that share keys are stacked as rows: one product for all of them.
  const queries = o.reshape(heads(rows.q, group * headDim), [keyValueHeads, 'QG', headDim]);
  const scores = o.matMul(
    o.mul(queries, scalar(spec.attentionScale)),
    o.transpose(o.reshape(rows.k, ['K', keyValueHeads, headDim]), [1, 2, 0]),
  );
  const { keyNumbers, firstKey, lastKey } = visible;
  const seen = o.and(o.lessOrEqual(firstKey, keyNumbers), o.lessOrEqual(keyNumbers, lastKey));
  const masked = o.add(scores, o.where(seen, scalar(0), scalar(Number.NEGATIVE_INFINITY)));
  const attended = o.matMul(o.softmax(masked), heads(rows.v, headDim));
  const perToken = o.reshape(attended, [keyValueHeads, 'Q', group * headDim]);
  return o.reshape(o.transpose(perToken, [1, 0, 2]), ['Q', spec.heads * headDim]);
}

/** The mean loss of tokens 1..T-1 in float64, from the parts the gradient is made of, each run over the whole sequence. */
export async function openPlainDecoder(spec: DecoderSpec) {
  const { hiddenSize, heads, keyValueHeads, headDim } = spec;
  const pairs = spec.rope.geometry.rotaryDim / 2;
  const [width, keyWidth, group] = [heads * headDim, keyValueHeads * headDim, heads / keyValueHeads];
  const x = input('x', ['N', hiddenSize]);
  const [q, k, v] = beforeAttention(spec, x, input('cos', ['N', pairs]), input('sin', ['N', pairs])).outputs as [
    Expression,
    Expression,
    Expression,
  ];
  const before = await openPlain({ q, k, v });
  const attended = blockAttention(
    spec,
    { q: input('q', ['Q', width]), k: input('k', ['K', keyWidth]), v: input('v', ['K', keyWidth]) },
    {
      keyNumbers: input('keys', [1, 1, 'K'], 'int64'),
      firstKey: input('first', [1, 'QG', 1], 'int64'),
      lastKey: input('last', [1, 'QG', 1], 'int64'),
    },
  );
  const attention = await openPlain({ attended });
  const y = afterAttention(spec, x, input('attended', ['N', width])).outputs[0] as Expression;
  const after = await openPlain({ y });
  const loss = head(spec, x, input('targets', ['N', 1], 'int64')).outputs[0] as Expression;
  const last = await openPlain({ loss });
  const shapes = decoderTensors(spec);

  return async (ids: Int32Array, weights: Weights64, tables: Tables64): Promise<number> => {
    const rows = ids.length - 1;
    const weightsOf = (layer: number) =>
      Object.fromEntries(
        [...weights].flatMap(([name, data]) => {
          const shared = name.replace(`model.layers.${layer}.`, 'model.layers.0.');
          const foreign = /^model\.layers\.(\d+)/.exec(name)?.[1] ?? String(layer);
          return foreign === String(layer) ? [[shared, { dims: shapes.get(name)!, data }]] : [];
        }),
      );
    const embedding = weights.get('model.embed_tokens.weight')!;
    let hidden: Values = { dims: [rows, hiddenSize], data: new Float64Array(rows * hiddenSize) };
    ids.subarray(0, -1).forEach((id, row) => {
      (hidden.data as Float64Array).set(embedding.subarray(id * hiddenSize, (id + 1) * hiddenSize), row * hiddenSize);
    });
    const queries = Array.from({ length: rows * group }, (_, row) => Math.floor(row / group));
    if (spec.embeddingScale !== 1)
      hidden = { ...hidden, data: (hidden.data as Float64Array).map((value) => value * spec.embeddingScale) };
    for (let layer = 0; layer < spec.layers; layer++) {
      const window = spec.slidingWindow[layer] ?? rows;
      const table = (data: Float64Array) => ({ dims: [rows, pairs], data });
      const rotated = await before({ x: hidden, cos: table(tables.cos), sin: table(tables.sin), ...weightsOf(layer) });
      const seen = await attention({
        ...rotated,
        keys: integers([1, 1, rows], ...Array(rows).keys()),
        first: integers([1, queries.length, 1], ...queries.map((query) => Math.max(0, query - window + 1))),
        last: integers([1, queries.length, 1], ...queries),
      });
      hidden = (await after({ x: hidden, ...seen, ...weightsOf(layer) })).y;
    }
    const losses = await last({ x: hidden, targets: integers([rows, 1], ...ids.subarray(1)), ...weightsOf(0) });
    return (losses.loss.data as Float64Array).reduce((sum, value) => sum + value, 0) / rows;
  };
}
