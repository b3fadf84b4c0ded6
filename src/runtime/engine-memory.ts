import { UserError } from '../errors.js';
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

/** How many evaluations at a time fit into memory. Throws `UserError('resource')` if those asked for, or one, do not. */
export function fittingWorkers(
  model: Model,
  { workers = 1, ...load }: EngineLoad & { readonly workers?: number | undefined },
  available = availableMemory(),
): number {
  const memory = engineMemory(model, load);
  const fitting = Math.floor((available - memory.shared) / memory.perWorker);
  if (workers <= fitting) return fitting;
  throw new UserError('resource', {
    where: `${workers} evaluation${workers === 1 ? '' : 's'} of ${load.maxLength} tokens at a time${load.cacheTokens === undefined ? '' : `, ${load.cacheTokens} in a cache`}`,
    expected: `${gigabytes(memory.shared + workers * memory.perWorker)} of memory`,
    found: `${gigabytes(available)} available`,
    fix: remedy(workers, memory, available),
  });
}

function remedy(workers: number, { shared, perWorker, gradient }: ReturnType<typeof engineMemory>, available: number) {
  if (workers > 1) return 'use fewer --workers';
  const fitsWithout = gradient > 0 && shared + perWorker - gradient <= available;
  return `${fitsWithout ? 'search with --algorithm cma-es, which needs no gradients, or ' : ''}evaluate a shorter length`;
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
