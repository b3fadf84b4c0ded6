import type { DecoderSpec } from '../model/types.js';
import { OnnxBuilder, type Value } from './onnx-builder.js';
import type { GraphTarget } from './sequence-inputs.js';
import { softcap } from './softcap.js';
import type { WeightSource } from './weights.js';

/**
 * The head on a block of rows: `hidden` float32 [B, hiddenSize] and `targets` int64 [B, 1] in; `loss` float32 [B, 1] out,
 * the negative log-likelihood of each target in nats. Run in row blocks so that no T x vocabulary buffer exists.
 */
export function buildLossHead(spec: DecoderSpec, weights: WeightSource, target: GraphTarget = 'cpu'): Uint8Array {
  const graph = new OnnxBuilder('loss_head');
  const logits = addHead(graph, spec, weights, graph.input('hidden', 'float32', ['B', spec.hiddenSize]), 'logits');
  const targets = graph.input('targets', 'int64', ['B', 1]);
  if (target === 'device') {
    graph.output(deviceLoss(graph, logits, targets), 'float32', ['B', 1]);
    return graph.build();
  }
  const logProbabilities = graph.apply('log_probabilities', 'LogSoftmax', [logits], { axis: -1 });
  const chosen = graph.apply('chosen', 'GatherElements', [logProbabilities, targets], { axis: 1 });
  graph.output(graph.apply('loss', 'Neg', [chosen]), 'float32', ['B', 1]);
  return graph.build();
}

/** ln(sum(exp(logits))) - the target's logit, as WebGPU has no LogSoftmax. */
function deviceLoss(graph: OnnxBuilder, logits: Value, targets: Value): Value {
  const axes = graph.constant('last_axis', 'int64', [1], [1]);
  const largest = graph.apply('largest', 'ReduceMax', [logits, axes], { keepdims: 1 });
  const shifted = graph.apply('shifted', 'Sub', [logits, largest]);
  const exponentials = graph.apply('exponentials', 'Exp', [shifted]);
  const sum = graph.apply('sum', 'ReduceSum', [exponentials, axes], { keepdims: 1 });
  const chosen = graph.apply('chosen', 'GatherElements', [shifted, targets], { axis: 1 });
  return graph.apply('loss', 'Sub', [graph.apply('log_sum', 'Log', [sum]), chosen]);
}

/** The head alone: `hidden` [B, hiddenSize] in, `logits` float32 [B, vocabulary] out. */
export function buildLogitsHead(spec: DecoderSpec, weights: WeightSource): Uint8Array {
  const graph = new OnnxBuilder('logits_head');
  const hidden = graph.input('hidden', 'float32', ['B', spec.hiddenSize]);
  graph.output(addHead(graph, spec, weights, hidden, 'logits'), 'float32', ['B', spec.vocabularySize]);
  return graph.build();
}

/** [N, hiddenSize] to logits [N, vocabulary], called `name`. */
export function addHead(
  graph: OnnxBuilder,
  spec: DecoderSpec,
  weights: WeightSource,
  hidden: Value,
  name: string,
): Value {
  const weight = weights.add(graph, spec.tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight');
  const uncapped = spec.logitSoftcap === null ? name : `${name}_uncapped`;
  const logits = graph.apply(uncapped, 'Gemm', [hidden, weight], { transB: 1 });
  return softcap(graph, name, logits, spec.logitSoftcap);
}
