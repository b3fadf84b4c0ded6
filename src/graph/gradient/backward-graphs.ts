import type { DecoderSpec } from '../../model/types.js';
import { attentionBackward, attentionBackwardInputs } from './attention-backward.js';
import { afterAttention, beforeAttention, head, type Part } from './decoder-parts.js';
import { type Expression, input, substitute, topologicalOrder } from './expression.js';
import { backward, type Seed } from './gradient.js';
import { add, exp, mul, neg, scatterElements } from './operations.js';
import { writeGraph } from './write.js';

/** What is wanted beside the gradient that flows on: that of weights, of the rotary tables, or both. */
export interface Wanted {
  /** Canonical names; a weight of one layer is wanted in all of them, which share their graphs. */
  readonly weights: 'all' | 'none' | ReadonlySet<string>;
  readonly tables: boolean;
}

/**
 * An ONNX model of one step of a pass through the decoder, for any layer: its weights are inputs by their canonical names in one
 * layer, `parameters`. `gradients` names the outputs that hold the gradient of a weight: output -> weight.
 */
export interface StepGraph {
  readonly name: string;
  readonly model: Uint8Array;
  readonly parameters: readonly string[];
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * Inputs `x` [N, hiddenSize], `targets` int64 [N, 1] and `loss_weights` [N, 1], by which the losses of the rows are weighted in
 * the total. Outputs `loss` [N, 1] and `d_x`.
 */
export function headBackward(spec: DecoderSpec, wanted: Wanted): StepGraph {
  const x = input('x', ['N', spec.hiddenSize]);
  const targets = input('targets', ['N', 1], 'int64');
  const part = head(spec, x, targets);
  const [loss] = part.outputs as [Expression];
  const weight = input('loss_weights', ['N', 1]);
  // Softmax minus one at the target: the rules would pass over the logits, the largest matrix of all, seven times instead of three.
  const gradient = scatterElements(mul(exp(part.logProbabilities), weight), targets, neg(weight));
  const seeds = [{ of: part.logits, gradient }];
  return build('head backward', part, seeds, { d_x: x }, wanted, ({ d_x }) => ({ loss, d_x: d_x as Expression }));
}

/** What `afterAttentionForward` gives beside `y`, rows of these widths. */
export function keptWidths({ hiddenSize, intermediateSize }: DecoderSpec) {
  return { middle: hiddenSize, gate: intermediateSize, up: intermediateSize };
}

/** Inputs `x`, the layer's, and `attended`; outputs `y`, the layer's, and `middle`, `gate` and `up`, inner values. */
export function afterAttentionForward(spec: DecoderSpec): StepGraph {
  const { x, attended } = afterAttentionInputs(spec);
  const { outputs, costly } = afterAttention(spec, x, attended);
  return write('after attention', { y: outputs[0] as Expression, ...costly }, new Map());
}

/**
 * Inputs `x`, `attended` and `d_y`; outputs `d_x`, the part of it that does not flow through attention, and `d_attended`. With
 * `kept`, the inner values of the forward pass are inputs too.
 */
export function afterAttentionBackward(
  spec: DecoderSpec,
  wanted: Wanted,
  { kept }: { readonly kept: boolean },
): StepGraph {
  const { x, attended } = afterAttentionInputs(spec);
  const part = afterAttention(spec, x, attended);
  const seeds = [{ of: part.outputs[0] as Expression, gradient: input('d_y', x.shape) }];
  const given = new Map(kept ? Object.entries(part.costly).map(([name, of]) => [of, input(name, of.shape)]) : []);
  return build(
    'backward after attention',
    part,
    seeds,
    { d_x: x, d_attended: attended },
    wanted,
    (gradients) => gradients,
    given,
  );
}

function afterAttentionInputs(spec: DecoderSpec) {
  return { x: input('x', ['N', spec.hiddenSize]), attended: input('attended', ['N', spec.heads * spec.headDim]) };
}

/** Inputs `x`, `cos`, `sin`; outputs `q`, `k`, `v`: what attention gets. */
export function attentionInputs(spec: DecoderSpec): StepGraph {
  const { x, cos, sin } = layerInputs(spec);
  const [q, k, v] = beforeAttention(spec, x, cos, sin).outputs as [Expression, Expression, Expression];
  return write('attention inputs', { q, k, v }, new Map());
}

/**
 * `attentionBackward` as a graph: its inputs by the names of `attentionBackwardInputs`, output `d_q`; to `k_sum` and `v_sum`, what
 * other queries gave, it adds `d_k` and `d_v`.
 */
export function attentionBackwardGraph(spec: DecoderSpec, seenByAll: boolean): StepGraph {
  const { dQ, dK, dV } = attentionBackward(spec, attentionBackwardInputs(spec, seenByAll));
  const [kSum, vSum] = [input('k_sum', dK.shape), input('v_sum', dV.shape)];
  return write('attention backward', { d_q: dQ, d_k: add(kSum, dK), d_v: add(vSum, dV) }, new Map());
}

/**
 * Inputs `x`, `cos`, `sin`, the gradients `d_q`, `d_k`, `d_v`, and `d_rest`, that of x from elsewhere. Outputs `d_x`, now whole, and
 * where wanted `d_cos` and `d_sin` [N, rotaryDim / 2], summed over heads.
 */
export function beforeAttentionBackward(spec: DecoderSpec, wanted: Wanted): StepGraph {
  const { x, cos, sin } = layerInputs(spec);
  const part = beforeAttention(spec, x, cos, sin);
  const seeds = part.outputs.map((of, i) => ({ of, gradient: input(['d_q', 'd_k', 'd_v'][i] as string, of.shape) }));
  const targets = { d_x: x, ...(wanted.tables && { d_cos: cos, d_sin: sin }) };
  return build('backward before attention', part, seeds, targets, wanted, ({ d_x, ...tables }) => ({
    d_x: add(d_x as Expression, input('d_rest', x.shape)),
    ...tables,
  }));
}

function layerInputs(spec: DecoderSpec) {
  const table = ['N', spec.rope.geometry.rotaryDim / 2];
  return { x: input('x', ['N', spec.hiddenSize]), cos: input('cos', table), sin: input('sin', table) };
}

function build(
  name: string,
  { parameters }: Part,
  seeds: readonly Seed[],
  targets: Readonly<Record<string, Expression>>,
  wanted: Wanted,
  outputs: (gradients: Readonly<Record<string, Expression>>) => Readonly<Record<string, Expression>> = (same) => same,
  given: ReadonlyMap<Expression, Expression> = new Map(),
): StepGraph {
  const weights = parameters.filter((weight) => isWanted(weight.name, wanted));
  const derivatives = backward(seeds, [...Object.values(targets), ...weights]);
  const named = Object.fromEntries(Object.keys(targets).map((target, i) => [target, derivatives[i] as Expression]));
  const ofWeights = derivatives.slice(derivatives.length - weights.length);
  const gradients = new Map(weights.map((weight) => [`d_${weight.name}`, weight.name]));
  const all = { ...outputs(named), ...Object.fromEntries(ofWeights.map((d, i) => [[...gradients.keys()][i], d])) };
  const from = substitute(Object.values(all) as Expression[], given);
  return write(name, Object.fromEntries(Object.keys(all).map((key, i) => [key, from[i] as Expression])), gradients);
}

/** `name` as graphs have it, of layer 0 or outside of layers. */
export function isWanted(name: string, { weights }: Wanted): boolean {
  if (typeof weights === 'string') return weights === 'all';
  return [...weights].some((weight) => weight.replace(LAYER, 'model.layers.0.') === name);
}

const LAYER = /^model\.layers\.\d+\./;

function write(
  name: string,
  outputs: Readonly<Record<string, Expression>>,
  gradients: ReadonlyMap<string, string>,
): StepGraph {
  const parameters = topologicalOrder(Object.values(outputs)).flatMap((x) => (x.kind === 'parameter' ? [x.name] : []));
  return {
    name,
    model: writeGraph(name, outputs, { element: 'float32' }),
    parameters,
    gradients,
  };
}
