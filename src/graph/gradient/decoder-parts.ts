import { decoderTensors } from '../../model/index.js';
import { layerNorms } from '../../model/layer-norms.js';
import type { DecoderSpec } from '../../model/types.js';
import { type Expression, type Parameter, parameter, scalar } from './expression.js';
import * as o from './operations.js';

/**
 * The decoder as plain operations, cut where a backward pass is: the parts before and after attention and the head work row by
 * row; attention between them is in attention-backward.ts. All values are matrices with one row per token; N is their number.
 * Layers are alike, so one graph with the weights of layer 0 as inputs serves all of them.
 */
export interface Part {
  readonly outputs: readonly Expression[];
  /** The weights it reads. */
  readonly parameters: readonly Parameter[];
  /** Inner values that cost most of the part: kept from the forward pass, they need not be computed anew in the backward pass. */
  readonly costly: Readonly<Record<string, Expression>>;
}

/** Queries [N, heads * headDim] and keys [N, keyValueHeads * headDim], both rotated, and values, of the input [N, hiddenSize]. */
export function beforeAttention(spec: DecoderSpec, x: Expression, cos: Expression, sin: Expression): Part {
  const weights = new Weights(spec);
  const normed = weights.norm(layerNorms(spec.normPlacement).beforeAttention, x);
  const q = queryKeyNorm(spec, weights, 'q', normed, spec.heads);
  const k = queryKeyNorm(spec, weights, 'k', normed, spec.keyValueHeads);
  const v = weights.linear('self_attn.v_proj', normed);
  return weights.part(rotate(spec, q, spec.heads, cos, sin), rotate(spec, k, spec.keyValueHeads, cos, sin), v);
}

/** The layer's output from its input and what attention gave: projection, residual, MLP, residual. */
export function afterAttention(spec: DecoderSpec, x: Expression, attended: Expression): Part {
  const weights = new Weights(spec);
  const norms = layerNorms(spec.normPlacement);
  const middle = o.add(x, weights.norm(norms.afterAttention, weights.linear('self_attn.o_proj', attended)));
  const normed = weights.norm(norms.beforeMlp, middle);
  const gate = weights.linear('mlp.gate_proj', normed);
  const up = weights.linear('mlp.up_proj', normed);
  const activated = spec.activation === 'silu' ? o.mul(gate, o.sigmoid(gate)) : geluTanh(gate);
  const update = weights.linear('mlp.down_proj', o.mul(activated, up));
  return { ...weights.part(o.add(middle, weights.norm(norms.afterMlp, update))), costly: { middle, gate, up } };
}

/** Its output is the negative log-likelihood in nats, [N, 1], of the targets. */
export interface HeadPart extends Part {
  /** [N, vocabularySize] */
  readonly logits: Expression;
  readonly logProbabilities: Expression;
}

/** From the last layer's output to the losses of `targets` int64 [N, 1]. */
export function head(spec: DecoderSpec, x: Expression, targets: Expression): HeadPart {
  const weights = new Weights(spec);
  const normed = rmsNorm(spec, x, weights.get('model.norm.weight'));
  const matrix = weights.get(spec.tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const products = o.gemm(normed, matrix, { transB: true });
  const cap = spec.logitSoftcap;
  const logits = cap === null ? products : o.mul(o.tanh(o.div(products, scalar(cap))), scalar(cap));
  const logProbabilities = o.logSoftmax(logits);
  return { ...weights.part(o.neg(o.gatherElements(logProbabilities, targets))), logits, logProbabilities };
}

/** x / sqrt(mean(x^2) + epsilon) * (weight + offset), over the last axis. */
function rmsNorm(spec: DecoderSpec, x: Expression, weight: Expression): Expression {
  const meanSquare = o.reduceMean(o.mul(x, x), [x.shape.length - 1]);
  const scale = spec.normOffset === 0 ? weight : o.add(weight, scalar(spec.normOffset));
  return o.mul(o.mul(x, o.pow(o.add(meanSquare, scalar(spec.normEpsilon)), -0.5)), scale);
}

/** Queries or keys before they turn, normalised where the architecture does so, per head or over the whole projection. */
function queryKeyNorm(spec: DecoderSpec, weights: Weights, what: 'q' | 'k', x: Expression, heads: number): Expression {
  const rows = weights.linear(`self_attn.${what}_proj`, x);
  if (spec.queryKeyNorm === 'none') return rows;
  const weight = weights.get(`model.layers.0.self_attn.${what}_norm.weight`);
  if (spec.queryKeyNorm === 'projection') return rmsNorm(spec, rows, weight);
  const perHead = o.reshape(rows, ['N', heads, spec.headDim]);
  return o.reshape(rmsNorm(spec, perHead, weight), rows.shape);
}

/** The first rotaryDim entries of every head turned pair by pair: (a cos - b sin, b cos + a sin). Tables are [N, rotaryDim / 2]. */
function rotate(spec: DecoderSpec, rows: Expression, heads: number, cos: Expression, sin: Expression): Expression {
  const { headDim } = spec;
  const { rotaryDim } = spec.rope.geometry;
  const pairs = rotaryDim / 2;
  const x = o.reshape(rows, ['N', heads, headDim]);
  const turned = rotaryDim === headDim ? x : o.slice(x, 2, 0, rotaryDim);
  const half = (part: 0 | 1) => {
    if (spec.rotaryPairing === 'half') return o.slice(turned, 2, part * pairs, (part + 1) * pairs);
    const adjacent = o.reshape(turned, ['N', heads, pairs, 2]);
    return o.reshape(o.slice(adjacent, 3, part, part + 1), ['N', heads, pairs]);
  };
  const [a, b] = [half(0), half(1)];
  const [c, s] = [o.reshape(cos, ['N', 1, pairs]), o.reshape(sin, ['N', 1, pairs])];
  const [first, second] = [o.sub(o.mul(a, c), o.mul(b, s)), o.add(o.mul(b, c), o.mul(a, s))];
  const column = (half: Expression) => o.reshape(half, ['N', heads, pairs, 1]);
  const rotated =
    spec.rotaryPairing === 'half'
      ? o.concat([first, second], 2)
      : o.reshape(o.concat([column(first), column(second)], 3), ['N', heads, rotaryDim]);
  const whole = rotaryDim === headDim ? rotated : o.concat([rotated, o.slice(x, 2, rotaryDim, headDim)], 2);
  return o.reshape(whole, ['N', heads * headDim]);
}

/** The approximation by tanh, as the forward graph's Gelu. */
function geluTanh(x: Expression): Expression {
  const cubic = o.mul(o.pow(x, 3), scalar(0.044715));
  const inner = o.mul(o.add(x, cubic), scalar(Math.sqrt(2 / Math.PI)));
  return o.mul(o.mul(x, scalar(0.5)), o.add(o.tanh(inner), scalar(1)));
}

/** The weights one part asks for, each once. */
class Weights {
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #asked = new Map<string, Parameter>();

  constructor(private readonly spec: DecoderSpec) {
    this.#shapes = decoderTensors(spec);
  }

  get(name: string): Parameter {
    const shape = this.#shapes.get(name);
    if (shape === undefined) throw new Error(`no weight named ${name}`);
    const weight = this.#asked.get(name) ?? parameter(name, shape);
    this.#asked.set(name, weight);
    return weight;
  }

  linear(module: string, x: Expression): Expression {
    const name = `model.layers.0.${module}`;
    const product = o.gemm(x, this.get(`${name}.weight`), { transB: true });
    return this.#shapes.has(`${name}.bias`) ? o.add(product, this.get(`${name}.bias`)) : product;
  }

  /** The norm of a layer; null = there is none. */
  norm(module: string | null, x: Expression): Expression {
    return module === null ? x : rmsNorm(this.spec, x, this.get(`model.layers.0.${module}.weight`));
  }

  part(...outputs: readonly Expression[]): Part {
    return { outputs, parameters: [...this.#asked.values()], costly: {} };
  }
}
