import fc from 'fast-check';
import type { ErrorKind } from '../../src/errors.js';
import type { FuzzTarget } from './fuzz-kind.js';
import { judge } from './judge.js';

export interface Failure {
  readonly signature: string;
  readonly detail: string;
  /** The file that was changed. */
  readonly file: string;
  /** The smallest input found that fails in this way. */
  readonly input: Buffer;
}

export interface BlockResult {
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  /** The refused ones by the kind of their `UserError`. */
  readonly refusals: Readonly<Partial<Record<ErrorKind, number>>>;
  /** One per signature that is not in `known`. */
  readonly failures: readonly Failure[];
}

interface Case {
  readonly target: FuzzTarget;
  readonly input: Buffer;
}

/** Shrinking stops then; what is found by that time is small enough to read. */
const MAX_SHRINK_MILLISECONDS = 20_000;

/**
 * Reads `count` inputs, which follow from the seed and the targets alone. `onCase` is told the number of each before it is
 * read, for whoever watches from outside; the first `skip` are made, but not read.
 */
export async function runBlock(
  targets: readonly FuzzTarget[],
  { seed, count, skip = 0 }: { readonly seed: number; readonly count: number; readonly skip?: number },
  {
    known = new Set(),
    onCase,
  }: { readonly known?: ReadonlySet<string>; readonly onCase?: (number: number) => void } = {},
): Promise<BlockResult> {
  const cases: fc.Arbitrary<Case> = fc.oneof(
    ...targets.map((target) => target.inputs.map((input): Case => ({ target, input }))),
  );
  const tally = { accepted: 0, refused: 0, failed: 0 };
  const refusals: Partial<Record<ErrorKind, number>> = {};
  const signatures = new Map<string, string>();
  let number = 0;
  const readAll = fc.asyncProperty(cases, async ({ target, input }) => {
    if (number++ < skip) return;
    onCase?.(number - 1);
    const verdict = await judge(target, input);
    tally[verdict.kind]++;
    if (verdict.kind === 'refused') refusals[verdict.as] = (refusals[verdict.as] ?? 0) + 1;
    if (verdict.kind === 'failed' && !known.has(verdict.signature)) signatures.set(verdict.signature, verdict.detail);
  });
  await fc.assert(readAll, { seed, numRuns: count });

  const failures: Failure[] = [];
  for (const [signature, detail] of signatures) {
    const passes = fc.asyncProperty(cases, async ({ target, input }) => {
      const verdict = await judge(target, input);
      return verdict.kind !== 'failed' || verdict.signature !== signature;
    });
    const { counterexample } = await fc.check(passes, {
      seed,
      numRuns: count,
      interruptAfterTimeLimit: MAX_SHRINK_MILLISECONDS,
    });
    const smallest = counterexample?.[0];
    // Only time and memory can fail once and not again.
    if (smallest !== undefined) failures.push({ signature, detail, file: smallest.target.file, input: smallest.input });
  }
  return { ...tally, refusals, failures };
}

/** Reads every undamaged file: a kind whose valid files are refused tests nothing. */
export async function checkValid(targets: readonly FuzzTarget[]): Promise<void> {
  for (const target of targets) {
    const verdict = await judge(target, target.valid);
    if (verdict.kind === 'accepted') continue;
    await target.read();
    throw new Error(`${target.file} is not accepted undamaged`);
  }
}
