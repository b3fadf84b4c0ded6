import { LowRank, Orthogonalizer, type Weights } from '../runtime/index.js';
import {
  LoraOptimizer,
  type LoraSettings,
  Optimizer,
  type OptimizerSettings,
  type Shapes,
  type WeightUpdater,
} from '../training/index.js';

export interface UpdaterSettings {
  readonly optimizer: OptimizerSettings;
  /** null: all weights are trained. */
  readonly lora: LoraSettings | null;
  readonly shapes: Shapes;
  readonly seed: number;
  readonly threads: number;
}

/** Opens what steps compute with; `of` makes what changes these weights. */
export async function openUpdater({ optimizer, lora, shapes, seed, threads }: UpdaterSettings) {
  const orthogonalizer = await Orthogonalizer.create(threads);
  const orthogonalize = orthogonalizer.run.bind(orthogonalizer);
  const products = lora && (await LowRank.create({ scale: lora.loraAlpha / lora.r, threads }));
  return {
    of(weights: Weights): WeightUpdater {
      if (lora === null || products === null) return new Optimizer(optimizer, shapes, orthogonalize);
      return new LoraOptimizer({ settings: lora, optimizer, shapes, weights, seed, products, orthogonalize });
    },
    async close() {
      await orthogonalizer.close();
      await products?.close();
    },
  };
}
