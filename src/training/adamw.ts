export interface AdamSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** Running means of the gradient and of its square. */
export interface AdamState {
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

export interface Update {
  /** 0 for the first one. */
  readonly step: number;
  readonly learningRate: number;
  readonly weightDecay: number;
}

/**
 * One step of AdamW (Loshchilov and Hutter 2019) on a tensor in place, in the order of `torch.optim.AdamW`: the decay first,
 * epsilon outside the square root and behind the bias correction. float32 tensors, float64 arithmetic.
 */
export function adamwUpdate(
  weight: Float32Array,
  gradient: Float32Array,
  { mean, square }: AdamState,
  { beta1, beta2, epsilon }: AdamSettings,
  { step, learningRate, weightDecay }: Update,
): void {
  const kept = 1 - learningRate * weightDecay;
  const stepSize = learningRate / (1 - beta1 ** (step + 1));
  const correction = Math.sqrt(1 - beta2 ** (step + 1));
  for (let i = 0; i < weight.length; i++) {
    const g = gradient[i] as number;
    const m = (mean[i] as number) + (1 - beta1) * (g - (mean[i] as number));
    const v = beta2 * (square[i] as number) + (1 - beta2) * g * g;
    mean[i] = m;
    square[i] = v;
    weight[i] = (weight[i] as number) * kept - (stepSize * m) / (Math.sqrt(v) / correction + epsilon);
  }
}
