import { lowRankGradient, lowRankSum } from '../graph/index.js';
import { Session, type Tensor } from './session.js';

/** The two factors of an update of a matrix [rows, columns]: `a` [rank, columns] and `b` [rows, rank], row-major. */
export interface LowRankFactors {
  readonly a: Float32Array;
  readonly b: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
}

/** Products of low-rank updates, `scale b a`, float32. */
export class LowRank {
  private constructor(
    private readonly sum: Session,
    private readonly gradient: Session,
  ) {}

  static async create({ scale, threads }: { readonly scale: number; readonly threads: number }): Promise<LowRank> {
    const options = { weightFolder: '.', threads };
    return new LowRank(
      await Session.create('low-rank sum', lowRankSum(scale), options),
      await Session.create('gradient of a low-rank sum', lowRankGradient(scale), options),
    );
  }

  /** Writes base + scale b a into `target`; both [rows, columns]. */
  async add(base: Float32Array, factors: LowRankFactors, target: Float32Array): Promise<void> {
    const { rows, columns } = factors;
    const sum = matrix(target, rows, columns);
    await this.sum.runInto({ base: matrix(base, rows, columns), ...feeds(factors) }, { sum });
  }

  /** From the gradient of that sum to those of its factors. */
  async gradients(
    d: Float32Array,
    factors: LowRankFactors,
  ): Promise<{ readonly a: Float32Array; readonly b: Float32Array }> {
    const { rows, columns, rank } = factors;
    const [a, b] = [new Float32Array(rank * columns), new Float32Array(rows * rank)];
    await this.gradient.runInto(
      { d: matrix(d, rows, columns), ...feeds(factors) },
      { d_a: matrix(a, rank, columns), d_b: matrix(b, rows, rank) },
    );
    return { a, b };
  }

  async close(): Promise<void> {
    await this.sum.close();
    await this.gradient.close();
  }
}

function matrix(data: Float32Array, rows: number, columns: number): Tensor {
  return { type: 'float32', data, dims: [rows, columns] };
}

function feeds({ a, b, rows, columns, rank }: LowRankFactors) {
  return { a: matrix(a, rank, columns), b: matrix(b, rows, rank) };
}
