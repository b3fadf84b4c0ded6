import { newtonSchulz } from '../graph/index.js';
import { Session } from './session.js';

/**
 * The orthogonal factor of matrices as Muon wants it (`graph/newton-schulz.ts`), float32. Plain loops would take ten times as
 * long as the gradient itself.
 */
export class Orthogonalizer {
  private constructor(
    private readonly wide: Session,
    private readonly tall: Session,
  ) {}

  static async create(threads: number): Promise<Orthogonalizer> {
    const open = (shape: 'wide' | 'tall') =>
      Session.create(`Newton-Schulz, ${shape}`, newtonSchulz(shape), { weightFolder: '.', threads });
    return new Orthogonalizer(await open('wide'), await open('tall'));
  }

  /** `data` is row-major [rows, columns], as is the result, a matrix of its own. */
  run(data: Float32Array, [rows, columns]: readonly [number, number]): Promise<Float32Array> {
    const session = rows > columns ? this.tall : this.wide;
    return session.run({ matrix: { type: 'float32', data, dims: [rows, columns] } }, 'orthogonal');
  }

  async close(): Promise<void> {
    await this.wide.close();
    await this.tall.close();
  }
}
