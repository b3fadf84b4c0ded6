import type { ResolvedRope } from '../rope/index.js';
import type { GradientEngine, Weights } from '../runtime/index.js';

/** TEMPORARY until runtime/gradient takes several sequences. */
export interface TrainingSequence {
  readonly ids: Int32Array;
  readonly rope: ResolvedRope;
  readonly scoreFrom: number;
  readonly positions?: Int32Array;
}

export interface LossAndGradient {
  readonly loss: number;
  readonly sequences: readonly { readonly loss: number }[];
  readonly weights: ReadonlyMap<string, Float32Array>;
}

export interface Gradients {
  lossAndGradient(sequences: readonly TrainingSequence[], weights: Weights): Promise<LossAndGradient>;
}

/** TEMPORARY: one sequence after the other. */
export function oneByOne(engine: GradientEngine): Gradients {
  return {
    async lossAndGradient(sequences, weights) {
      const total = sequences.reduce((sum, { ids, scoreFrom }) => sum + ids.length - scoreFrom, 0);
      const sums = new Map<string, Float32Array>();
      const each: { loss: number }[] = [];
      let loss = 0;
      for (const { positions, ...sequence } of sequences) {
        if (positions !== undefined) throw new Error('positions are not supported yet');
        const result = await engine.lossAndGradient(sequence, weights);
        const share = (sequence.ids.length - sequence.scoreFrom) / total;
        each.push({ loss: result.loss });
        loss += share * result.loss;
        for (const [name, part] of result.weights) {
          const sum = sums.get(name) ?? new Float32Array(part.length);
          sums.set(name, sum);
          for (let i = 0; i < part.length; i++) sum[i] = (sum[i] as number) + share * (part[i] as number);
        }
      }
      return { loss, sequences: each, weights: sums };
    },
  };
}
