import { UserError } from '../errors.js';
import { decoderTensors, sizeOfShape } from '../model/index.js';
import type { DecoderSpec } from '../model/types.js';
import { gigabytes } from '../runtime/engine-memory.js';
import { mayHalve } from '../runtime/gradient/halves.js';
import { availableMemory, evaluationMemory, weightGradientMemory } from '../runtime/memory.js';
import { type LoraSettings, loraTensors, trainedShapes, weightsOfGradients } from './lora.js';
import { type OptimizerName, type Shapes, stateKinds } from './optimizer.js';

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
  /** Whether some tokens stand for skipped ones; default false. */
  readonly countsSkipped?: boolean;
  /** Default 1. */
  readonly threads?: number;
  /** Default: all weights are trained. */
  readonly lora?: LoraSettings;
}

/** The program, ONNX Runtime and the graphs (measured: 170 MB). */
const PROCESS = 192 * 2 ** 20;

/** Code, heap and sessions of the thread that computes the other half of a batch. */
const GRADIENT_THREAD = 64 * 2 ** 20;

/**
 * Bytes of a process that trains: weights, their gradients, the state of the optimiser, a second set of gradients where they are
 * summed over batches, and what one gradient takes; or a validation, whichever is more. Peaks of whole runs were within 10 % of it
 * (`bench/train/memory.mjs`).
 */
export function trainingMemory(spec: DecoderSpec, size: TrainingSize): number {
  const shapes = decoderTensors(spec);
  const bytesOf = (shape: readonly number[]) => 4 * sizeOfShape(shape);
  const weights = sum([...shapes.values()].map(bytesOf));
  const { lora } = size;
  const trained = lora === undefined ? shapes : trainedShapes(lora, shapes);
  const remembered = [...trained].map(
    ([name, shape]) => stateKinds(size.optimizer, name, shape).length * bytesOf(shape),
  );
  const state = sum(remembered) + (lora === undefined ? 0 : loraBytes(lora, shapes, bytesOf));
  const ofGradients = [...weightsOfGradients(lora ?? null, shapes)].map((name) => bytesOf(shapes.get(name) ?? []));
  const rows = { longest: size.longest, biased: size.countsSkipped ?? false };
  const whole = weightGradientMemory(spec, { rows: size.tokens, ...rows });
  // Each half has its own blocks, and the other thread its own weights and gradients.
  const half = weightGradientMemory(spec, { rows: Math.ceil(size.tokens / 2), ...rows });
  const halves = computesHalves(spec, size) ? 2 * half + weights + sum(ofGradients) + GRADIENT_THREAD : 0;
  const step = (size.batchesPerStep > 1 ? 2 : 1) * sum(ofGradients) + Math.max(whole, halves);
  // Weights are written to a file then, which the engine maps.
  const validation = size.evalLength === 0 ? 0 : weights + evaluationMemory(spec, [], size.evalLength).perWorker;
  return PROCESS + weights + state + Math.max(step, validation);
}

/** Whether its batches are computed in halves. */
export function computesHalves(spec: DecoderSpec, { tokens, longest, threads = 1 }: TrainingSize): boolean {
  return mayHalve(spec, { rows: tokens / longest, tokens, threads });
}

/** Copies of the adapted matrices, and their factors with gradients. */
function loraBytes(lora: LoraSettings, shapes: Shapes, bytesOf: (shape: readonly number[]) => number): number {
  const { adapted, whole } = loraTensors(lora, shapes);
  const factors = [...trainedShapes(lora, shapes)].filter(([name]) => !whole.includes(name));
  return (
    sum(adapted.map((name) => bytesOf(shapes.get(name) as readonly number[]))) +
    2 * sum(factors.map(([, shape]) => bytesOf(shape)))
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Throws `UserError('resource')` where training does not fit into the memory that is free. */
export function checkTrainingMemory(spec: DecoderSpec, size: TrainingSize, available = availableMemory()): void {
  const needed = trainingMemory(spec, size);
  if (needed <= available) return;
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
