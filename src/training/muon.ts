import type { Update } from './adamw.js';

/** The orthogonal factor of a row-major matrix; it lasts until the next one. */
export type Orthogonalize = (matrix: Float32Array, shape: readonly [number, number]) => Promise<Float32Array>;

export interface MuonSettings {
  readonly momentum: number;
}

/**
 * One step of Muon (Jordan 2024) on a matrix in place, as `torch.optim.Muon` with `nesterov` and
 * `adjust_lr_fn='match_rms_adamw'` (Liu et al. 2025): the rate times 0.2 sqrt(max(rows, columns)), so that rate and decay of AdamW
 * serve both; decay by the rate itself. torch iterates in bfloat16, this in float32.
 * `gradient` is used up: it becomes the matrix that is made orthogonal.
 */
export async function muonUpdate(
  weight: Float32Array,
  gradient: Float32Array,
  buffer: Float32Array,
  shape: readonly [number, number],
  { momentum, orthogonalize }: MuonSettings & { readonly orthogonalize: Orthogonalize },
  { learningRate, weightDecay }: Omit<Update, 'step'>,
): Promise<void> {
  for (let i = 0; i < buffer.length; i++) {
    const g = gradient[i] as number;
    const mean = (buffer[i] as number) + (1 - momentum) * (g - (buffer[i] as number));
    buffer[i] = mean;
    gradient[i] = g + momentum * (mean - g);
  }
  const direction = await orthogonalize(gradient, shape);
  const kept = 1 - learningRate * weightDecay;
  const rate = learningRate * 0.2 * Math.sqrt(Math.max(...shape));
  for (let i = 0; i < weight.length; i++) weight[i] = (weight[i] as number) * kept - rate * (direction[i] as number);
}
