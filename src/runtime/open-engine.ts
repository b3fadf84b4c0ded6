import { availableParallelism } from 'node:os';
import { UserError } from '../errors.js';
import { type Model, prepareWeights } from '../model/index.js';
import { checkDevice, type Device, deviceFailure } from './device.js';
import { fittingWorkers } from './engine-memory.js';
import { type Engine, openPool } from './pool.js';
import { compiledBackends } from './session.js';

export interface EngineOptions {
  /** Default: cpu. */
  readonly device?: Device;
  /** Evaluations at the same time; default: as many as cores and memory allow. One on any other device than the CPU. */
  readonly workers?: number;
  /** Threads of one evaluation; default: the cores shared among the workers. Losses do not depend on it. */
  readonly threads?: number;
  /** Longest sequence that will be evaluated, for the memory estimate. */
  readonly maxLength: number;
  /**
   * Tokens whose keys and values a worker may keep for `continuationLosses` (longest sequence) and `generate` (rows times
   * length, prompt and new tokens). Give it when these are what the engine is for: it is then part of the memory estimate and
   * their decoder is loaded at once. Default: `maxLength`.
   */
  readonly cacheTokens?: number;
  /** Whether `ropeGradient` will be asked for, which takes more memory. */
  readonly gradients?: boolean;
  /** How many evaluations there are to run in parallel at all. */
  readonly maxWorkers?: number;
}

/**
 * Loads a model into a pool of worker threads. Throws `UserError('resource')` if not even one evaluation fits in memory,
 * `UserError('unsupported')` if the device is absent or cannot run every node of the model: nothing falls back to the CPU.
 */
export async function openEngine(model: Model, options: EngineOptions): Promise<Engine> {
  const { device = 'cpu' } = options;
  checkDevice(device, compiledBackends());
  if (device !== 'cpu' && (options.workers ?? 1) > 1)
    throw new UserError('usage', {
      where: `--workers ${options.workers}`,
      expected: `1, since one evaluation fills a device (--device ${device})`,
      found: `${options.workers}`,
    });
  const cores = availableParallelism();
  const fitting = fittingWorkers(model, options);
  const most = device === 'cpu' ? Math.min(cores, options.maxWorkers ?? cores) : 1;
  const workers = options.workers ?? Math.max(1, Math.min(most, fitting));
  const threads = options.threads ?? Math.max(1, Math.floor(cores / workers));
  const { cacheTokens = options.maxLength } = options;
  const opens = options.cacheTokens === undefined ? 'plain' : 'cached';
  // Reads all of it: after what can be refused without.
  const weights = await prepareWeights(model);
  const config = { spec: model.spec, weights, threads, device, cacheTokens, opens } as const;
  if (device === 'cpu') return openPool(config, workers);
  return openPool(config, workers).catch((error: unknown) => {
    throw error instanceof UserError ? error : deviceFailure(device, error);
  });
}
