import { forwardFlops, type Passes, repeatedFlops, totalFlops } from './flops.js';
import { type Gpu, gpuSeconds } from './gpu.js';
import type { ModelShape } from './shape.js';
import { machineSeconds, type Speed } from './speed.js';
import type { Work } from './stages.js';

export interface WorkCost {
  readonly tokens: number;
  readonly flops: number;
  /** null where this machine was not measured. */
  readonly machineSeconds: number | null;
  /** Of one GPU. */
  readonly gpuSeconds: number;
}

/** `passes`: what is done with each sequence (`TRAINING_PASSES` where it is trained on). */
export function workCost(
  work: readonly Work[],
  passes: Passes,
  { shape, gpu, speed }: { readonly shape: ModelShape; readonly gpu: Gpu; readonly speed: Speed | null },
): WorkCost {
  const sum = (of: (work: Work) => number) => work.reduce((total, each) => total + of(each), 0);
  const flopsOf = (length: number) => repeatedFlops(forwardFlops(shape, length), passes);
  const flops = sum(({ length, sequences }) => sequences * totalFlops(flopsOf(length)));
  return {
    tokens: sum(({ length, sequences }) => length * sequences),
    flops,
    machineSeconds: speed && sum(({ length, sequences }) => machineSeconds(speed, flopsOf(length), sequences)),
    gpuSeconds: gpuSeconds(gpu, flops),
  };
}
