import { type Model, preparedSizes } from '../model/index.js';
import { availableMemory, evaluationMemory, type MemoryEstimate, ropeGradientMemory } from './memory.js';

export interface EngineLoad {
  /** Longest sequence. */
  readonly maxLength: number;
  readonly cacheTokens?: number | undefined;
  readonly gradients?: boolean | undefined;
}

/** What an engine takes before any weight is read; `gradient` is the part of `perWorker` that gradients add. */
export function engineMemory(
  model: Model,
  { maxLength, cacheTokens, gradients = false }: EngineLoad,
): MemoryEstimate & { readonly gradient: number } {
  const sizes = preparedSizes(model);
  const { shared, perWorker } = evaluationMemory(model.spec, sizes, maxLength, cacheTokens);
  const gradient = gradients ? ropeGradientMemory(model.spec, sizes, maxLength) : 0;
  return { shared, perWorker: perWorker + gradient, gradient };
}

export interface GradientNeed {
  /** In words; without what is available, as a report should not change with the hour. */
  readonly words: string;
  /** Whether one evaluation fits into memory and a gradient of the same length does not. */
  readonly isShort: boolean;
}

export function gradientNeed(model: Model, maxLength: number, available = availableMemory()): GradientNeed {
  const { shared, perWorker, gradient } = engineMemory(model, { maxLength, gradients: true });
  return {
    words: `gradients of ${maxLength} tokens take ${gigabytes(shared + perWorker)} of memory`,
    isShort: available < shared + perWorker && available >= shared + perWorker - gradient,
  };
}

export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
