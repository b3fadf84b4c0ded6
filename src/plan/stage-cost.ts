import { forwardFlops, totalFlops } from './flops.js';
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

/** `passes`: forward passes that one sequence costs (`TRAINING_PASSES` where it is trained on). */
export function workCost(
  work: readonly Work[],
  passes: number,
  { shape, gpu, speed }: { readonly shape: ModelShape; readonly gpu: Gpu; readonly speed: Speed | null },
): WorkCost {
  const sum = (of: (work: Work) => number) => work.reduce((total, each) => total + of(each), 0);
  const flops = sum(({ length, sequences }) => passes * sequences * totalFlops(forwardFlops(shape, length)));
  return {
    tokens: sum(({ length, sequences }) => length * sequences),
    flops,
    machineSeconds:
      speed && sum(({ length, sequences }) => passes * machineSeconds(speed, forwardFlops(shape, length), sequences)),
    gpuSeconds: gpuSeconds(gpu, flops),
  };
}
