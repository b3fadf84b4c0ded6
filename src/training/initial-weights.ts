import { Draws } from '../corpus/index.js';
import { decoderTensors, sizeOfShape } from '../model/index.js';
import type { DecoderSpec } from '../model/types.js';

/** Of the normal distribution that matrices are drawn from (`initializer_range` of transformers). */
const DEVIATION = 0.02;

/**
 * Weights before any training, by canonical name: matrices normal with deviation 0.02, those that write to the residual stream
 * narrower by sqrt(2 layers) (Radford et al. 2019), norms the identity, biases 0. A function of the seed alone.
 */
export function initialWeights(spec: DecoderSpec, seed: number): Map<string, Float32Array> {
  const draws = new Draws([seed, 0x1217]);
  const weights = new Map<string, Float32Array>();
  for (const [name, shape] of decoderTensors(spec)) {
    const tensor = new Float32Array(sizeOfShape(shape));
    if (name.endsWith('norm.weight')) tensor.fill(1 - spec.normOffset);
    else if (!name.endsWith('.bias')) {
      const writes = /\.(o_proj|down_proj)\.weight$/.test(name);
      fillNormal(tensor, DEVIATION / (writes ? Math.sqrt(2 * spec.layers) : 1), draws);
    }
    weights.set(name, tensor);
  }
  return weights;
}

/** Box and Muller, two at a time. */
function fillNormal(tensor: Float32Array, deviation: number, draws: Draws): void {
  for (let i = 0; i < tensor.length; i += 2) {
    // 1 - u is never 0.
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - draws.uniform()));
    const angle = 2 * Math.PI * draws.uniform();
    tensor[i] = radius * Math.cos(angle);
    if (i + 1 < tensor.length) tensor[i + 1] = radius * Math.sin(angle);
  }
}
