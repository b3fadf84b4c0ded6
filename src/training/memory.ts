import { UserError } from '../errors.js';
import { decoderTensors } from '../model/index.js';
import type { DecoderSpec } from '../model/types.js';
import { availableMemory, evaluationMemory, weightGradientMemory } from '../runtime/memory.js';
import { type OptimizerName, stateKinds } from './optimizer.js';

export interface TrainingSize {
  readonly optimizer: OptimizerName;
  /** Tokens computed at a time: rows of a batch times tokens of a row. */
  readonly tokens: number;
  /** Of the longest sequence. */
  readonly longest: number;
  /** Batches whose gradients make one step. */
  readonly batchesPerStep: number;
  /** Longest length of a validation; 0 = none. */
  readonly evalLength: number;
}

/** The program, ONNX Runtime and the graphs (measured: 170 MB). */
const PROCESS = 192 * 2 ** 20;

/**
 * Bytes of a process that trains: weights, their gradients, the state of the optimiser, a second set of gradients where they are
 * summed over batches, and what one gradient takes; or a validation, whichever is more. Peaks of whole runs were within 10 % of it
 * (`bench/train/memory.mjs`).
 */
export function trainingMemory(spec: DecoderSpec, size: TrainingSize): number {
  let [weights, state] = [0, 0];
  for (const [name, shape] of decoderTensors(spec)) {
    const bytes = 4 * shape.reduce((product, length) => product * length, 1);
    weights += bytes;
    state += stateKinds(size.optimizer, name, shape).length * bytes;
  }
  const gradients = (size.batchesPerStep > 1 ? 2 : 1) * weights;
  const step = gradients + weightGradientMemory(spec, size.tokens, size.longest);
  // Weights are written to a file then, which the engine maps.
  const validation = size.evalLength === 0 ? 0 : weights + evaluationMemory(spec, [], size.evalLength).perWorker;
  return PROCESS + weights + state + Math.max(step, validation);
}

/** Throws `UserError('resource')` where training does not fit into the memory that is free. */
export function checkTrainingMemory(spec: DecoderSpec, size: TrainingSize, available = availableMemory()): void {
  const needed = trainingMemory(spec, size);
  if (needed <= available) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new UserError('resource', {
    where: `training with ${size.tokens} tokens at a time`,
    expected: `${gigabytes(needed)} of memory`,
    found: `${gigabytes(available)} available`,
    fix:
      trainingMemory(spec, { ...size, tokens: size.longest }) <= available
        ? 'use a smaller --per-device-train-batch-size, and more --gradient-accumulation-steps for it'
        : 'train a shorter --max-seq-length or a smaller model, or elsewhere (longrope export training)',
  });
}
