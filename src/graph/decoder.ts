import { layerNorms } from '../model/layer-norms.js';
import type { DecoderSpec } from '../model/types.js';
import { type Attention, attention } from './attention.js';
import { feedForward } from './feed-forward.js';
import { addAndNormalise, rmsNorm } from './norm.js';
import { OnnxBuilder, type Value } from './onnx-builder.js';
import { type GraphTarget, type SequenceInputs, sequenceInputs } from './sequence-inputs.js';
import type { WeightSource } from './weights.js';

/**
 * What a decoder graph gives beside the hidden states.
 * `present`: it takes a past and gives past and new keys and values, the form that other programs run.
 * `appended`: it takes a past and gives only the new ones. What is given is copied out of ONNX Runtime in every run, and a long
 * past need not be: so the caller owns the cache and writes them into it.
 */
export type CacheOutputs = 'none' | 'present' | 'appended';

const LAST_NORM = 'norm';

/**
 * The decoder without its head: token ids and one pair of rotary tables in, final normalised hidden states out.
 *
 * B rows of S new tokens stand after T - S tokens of past. Inputs: `input_ids` int64 [B, S]; `cos`, `sin` float32
 * [at least T, rotaryDim / 2], row p for position p; `seqlens_k` int32 [B] = T - 1; `total_sequence_length` int32 scalar = T.
 * Output: `hidden` float32 [B * S, hiddenSize]. The rotary tables are inputs, so a search candidate is two small tensors and
 * never a new graph. Where a layer is local also `local_cos` and `local_sin` [at least T, its rotaryDim / 2].
 *
 * With a cache also the inputs `past_key_values.N.key` and `.value` float32 [B, keyValueHeads, P, headDim], P >= T - S (rows
 * beyond T - S are not read; 0 rows are fine), and the outputs `present.N.key` and `.value` [B, keyValueHeads, max(P, T),
 * headDim] or `appended.N.key` and `.value` [B, keyValueHeads, S, headDim]. The CPU kernel takes S > 1 after a past only with B = 1.
 */
export function buildDecoder(
  spec: DecoderSpec,
  weights: WeightSource,
  cache: CacheOutputs = 'none',
  target: GraphTarget = 'cpu',
): Uint8Array {
  const graph = new OnnxBuilder('decoder');
  const hidden = addDecoder(graph, spec, weights, sequenceInputs(graph, spec, cache !== 'none', target), cache);
  graph.output(hidden, 'float32', ['N', spec.hiddenSize]);
  return graph.build();
}

/** The layers of a decoder in a graph that has its inputs; returns the normalised hidden states [B * S, hiddenSize]. */
export function addDecoder(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  inputs: SequenceInputs,
  cache: CacheOutputs,
): Value {
  let residual = embed(graph, spec, weights, flatIds(graph, inputs));
  const norms = layerNorms(spec.normPlacement);
  const norm = (name: string, x: Value) => rmsNorm(graph, spec, weights, { name, x });
  /** What the next part of a block reads, and the stream that goes past it. */
  const add = (name: string | null, update: Value, sumName: string): [input: Value, residual: Value] => {
    if (name !== null) {
      const node = name === LAST_NORM ? 'hidden' : name;
      return addAndNormalise(graph, spec, weights, { name: node, weight: name, update, residual });
    }
    const sum = graph.apply(sumName, 'Add', [residual, update]);
    return [sum, sum];
  };
  const within = (layer: number, module: string | null) => module && `layers.${layer}.${module}`;
  const first = within(0, norms.beforeAttention);
  let input = first === null ? residual : norm(first, residual);
  for (let layer = 0; layer < spec.layers; layer++) {
    const attended = attention(graph, spec, weights, layer, input, inputs);
    if (cache !== 'none') cacheOutputs(graph, spec, cache, layer, attended, inputs);
    const afterAttention = within(layer, norms.afterAttention);
    const attentionUpdate = afterAttention === null ? attended.output : norm(afterAttention, attended.output);
    [input, residual] = add(within(layer, norms.beforeMlp), attentionUpdate, `layers.${layer}.attention_sum`);
    const expanded = feedForward(graph, spec, weights, layer, input);
    const afterMlp = within(layer, norms.afterMlp);
    const mlpUpdate = afterMlp === null ? expanded : norm(afterMlp, expanded);
    const next = layer === spec.layers - 1 ? LAST_NORM : within(layer + 1, norms.beforeAttention);
    [input, residual] = add(next, mlpUpdate, `layers.${layer}.mlp_sum`);
  }
  return input;
}

function flatIds(graph: OnnxBuilder, { ids, idsAreFlat }: SequenceInputs): Value {
  return idsAreFlat ? ids : graph.apply('flat_ids', 'Reshape', [ids, graph.constant('flat', 'int64', [1], [-1])]);
}

function cacheOutputs(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  cache: Exclude<CacheOutputs, 'none'>,
  layer: number,
  { presentKey, presentValue }: Attention,
  { pastLength, presentLength, sequenceAxis }: SequenceInputs,
): void {
  for (const [what, present] of [
    ['key', presentKey],
    ['value', presentValue],
  ] as const) {
    const name = `${cache}.${layer}.${what}`;
    const given =
      cache === 'present'
        ? graph.apply(name, 'Identity', [present])
        : graph.apply(name, 'Slice', [present, pastLength, presentLength, sequenceAxis]);
    const length = cache === 'present' ? 'T' : 'S';
    graph.output(given, 'float32', ['B', spec.keyValueHeads, length, spec.headDim]);
  }
}

function embed(graph: OnnxBuilder, spec: DecoderSpec, weights: WeightSource, ids: Value): Value {
  const rows = graph.apply('embed', 'Gather', [weights.add(graph, 'model.embed_tokens.weight'), ids]);
  if (spec.embeddingScale === 1) return rows;
  return graph.apply('embed_scaled', 'Mul', [
    rows,
    graph.constant('embed_scale', 'float32', [], [spec.embeddingScale]),
  ]);
}
