import type fc from 'fast-check';

/** One file of a valid set of files that is changed while the others stay. */
export interface FuzzTarget {
  /** Overwritten with every input. */
  readonly file: string;
  /** What the file holds undamaged; reading it must succeed. */
  readonly valid: Buffer;
  readonly inputs: fc.Arbitrary<Buffer>;
  /**
   * Opens the file as the program does, and uses everything that was accepted. It may throw a `UserError`, and nothing else;
   * an accepted file whose contents are out of the range the reader promises throws an `Error`.
   */
  read(): Promise<void>;
}

export interface FuzzKind {
  readonly name: string;
  /** Writes valid files below `folder`, which is the kind's own. */
  prepare(folder: string): Promise<readonly FuzzTarget[]>;
}
