import { UserError } from '../errors.js';

export interface Gpu {
  readonly name: string;
  /** Peak of dense bfloat16 matrix products in TFLOP/s, as the vendor states it. */
  readonly teraflops: number;
  /** GB (10^9 bytes). */
  readonly memory: number;
  /** Share of the peak that is reached. */
  readonly utilisation: number;
}

/**
 * 400 TFLOP/s on an H100, what the literature's estimates for these jobs assume and good training code reaches
 * (PaLM 46 %, Llama-3-405B 38 to 43 % of the peak).
 */
const UTILISATION = 0.4;

/** Peak of dense bfloat16 and memory, from the vendors' data sheets. */
const GPUS: Readonly<Record<string, readonly [teraflops: number, memory: number]>> = {
  'a100-40gb': [312, 40],
  'a100-80gb': [312, 80],
  h100: [989, 80],
  h200: [989, 141],
  b200: [2250, 180],
  mi300x: [1307, 192],
  l40s: [362, 48],
  'rtx-4090': [165, 24],
  'rtx-3090': [71, 24],
};

export const GPU_NAMES = Object.keys(GPUS);
export const DEFAULT_GPU = 'a100-80gb';

export interface GpuWish {
  readonly name?: string;
  /** TFLOP/s */
  readonly teraflops?: number;
  /** GB */
  readonly memory?: number;
  readonly utilisation?: number;
}

/** Throws `UserError('usage')` for an unknown name, or one beside figures of its own, or half of these. */
export function chooseGpu({ name, teraflops, memory, utilisation = UTILISATION }: GpuWish): Gpu {
  if (!(utilisation > 0 && utilisation <= 1))
    throw new UserError('usage', {
      where: '--gpu-utilisation',
      expected: 'a share in (0, 1]',
      found: `${utilisation}`,
    });
  if (teraflops !== undefined || memory !== undefined) {
    if (name === undefined && teraflops !== undefined && memory !== undefined)
      return { name: 'your GPU', teraflops, memory, utilisation };
    throw new UserError('usage', {
      where: '--gpu-tflops, --gpu-memory',
      expected: 'both of them and no --gpu',
      found: name === undefined ? 'one of them' : `--gpu ${name} as well`,
    });
  }
  const key = name ?? DEFAULT_GPU;
  const known = Object.hasOwn(GPUS, key) ? GPUS[key] : undefined;
  if (known === undefined)
    throw new UserError('usage', {
      where: '--gpu',
      expected: `one of ${GPU_NAMES.join(', ')}`,
      found: key,
      fix: 'or give --gpu-tflops and --gpu-memory',
    });
  return { name: key, teraflops: known[0], memory: known[1], utilisation };
}

export function gpuSeconds(gpu: Gpu, flops: number): number {
  return flops / (gpu.teraflops * 1e12 * gpu.utilisation);
}

/** Fewest GPUs whose memory holds `bytes` that can be spread over them; a tenth is left to the framework. */
export function gpusFor(gpu: Gpu, bytes: number): number {
  return Math.max(1, Math.ceil(bytes / (0.9 * gpu.memory * 1e9)));
}
