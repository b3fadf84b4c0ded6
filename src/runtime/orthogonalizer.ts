import { newtonSchulz } from '../graph/index.js';
import { Buffers } from './buffers.js';
import { Session } from './session.js';

/**
 * The orthogonal factor of matrices as Muon wants it (`graph/newton-schulz.ts`), float32. Plain loops would take ten times as
 * long as the gradient itself.
 */
export class Orthogonalizer {
  private readonly buffers = new Buffers();

  private constructor(
    private readonly wide: Session,
    private readonly tall: Session,
  ) {}

  static async create(threads: number): Promise<Orthogonalizer> {
    const open = (shape: 'wide' | 'tall') =>
      Session.create(`Newton-Schulz, ${shape}`, newtonSchulz(shape), { weightFolder: '.', threads });
    return new Orthogonalizer(await open('wide'), await open('tall'));
  }

  /** `data` is row-major [rows, columns], as is the result, which lasts until the next run. */
  async run(data: Float32Array, dims: readonly [rows: number, columns: number]): Promise<Float32Array> {
    const session = dims[0] > dims[1] ? this.tall : this.wide;
    const orthogonal = this.buffers.get('orthogonal', data.length);
    await session.runInto(
      { matrix: { type: 'float32', data, dims } },
      { orthogonal: { type: 'float32', data: orthogonal, dims } },
    );
    return orthogonal;
  }

  async close(): Promise<void> {
    await this.wide.close();
    await this.tall.close();
  }
}
