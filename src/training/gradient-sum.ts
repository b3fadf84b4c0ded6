type Tensors = ReadonlyMap<string, Float32Array>;

/** Gradients of parts of a batch, each times its share of the tokens, added up: what one large batch would give. */
export class GradientSum {
  #sum: Map<string, Float32Array> | null = null;

  /** Takes the tensors over: they may be changed. */
  add(gradients: Tensors, share: number): void {
    if (this.#sum === null) {
      this.#sum = new Map(gradients);
      scale(this.#sum, share);
      return;
    }
    for (const [name, part] of gradients) {
      const sum = this.#sum.get(name) as Float32Array;
      for (let i = 0; i < part.length; i++) sum[i] = (sum[i] as number) + share * (part[i] as number);
    }
  }

  get tensors(): Tensors {
    if (this.#sum === null) throw new Error('the gradient of nothing');
    return this.#sum;
  }
}

/** Euclidean norm over all tensors, in float64. */
export function globalNorm(tensors: Tensors): number {
  let sum = 0;
  for (const tensor of tensors.values())
    for (let i = 0; i < tensor.length; i++) sum += (tensor[i] as number) * (tensor[i] as number);
  return Math.sqrt(sum);
}

/** Scales all tensors so that their norm is at most `maximum`, as `torch.nn.utils.clip_grad_norm_`. */
export function clip(tensors: Tensors, norm: number, maximum: number): void {
  const factor = maximum / (norm + 1e-6);
  if (factor < 1) scale(tensors, factor);
}

function scale(tensors: Tensors, factor: number): void {
  if (factor === 1) return;
  for (const tensor of tensors.values())
    for (let i = 0; i < tensor.length; i++) tensor[i] = (tensor[i] as number) * factor;
}
