import type { ResolvedRope } from '../rope/types.js';

/** What an engine is expected to rotate with, by the rules known of it. */
export interface ExpectedTable {
  readonly table: string;
  readonly rope: ResolvedRope;
}

/** Engines that can be run here. */
export type EngineName = 'llama.cpp' | 'transformers';

/** One forward pass that another engine is asked for. */
export interface PlannedPass {
  readonly engine: EngineName;
  /** Tokens of the sequence. */
  readonly length: number;
  /** llama.cpp: tokens of the context, which decide about its table. */
  readonly context: number | null;
  /** Tokens read at a time; null: all at once. */
  readonly chunk: number | null;
  readonly expected: ExpectedTable;
  /** A difference is no failure of the file but a behaviour of the engine that its user has to know. */
  readonly informative: boolean;
}

/** The table an engine chooses for a sequence, or a context, of `length` tokens; undefined: it stops with an error. */
export type TableRule = (length: number) => ExpectedTable | undefined;

/** llama.cpp makes contexts of a multiple of this many tokens. */
const CONTEXT_STEP = 256;

/**
 * llama.cpp chooses by its context, for short texts too: every length in the smallest context that holds it, and in the
 * largest one; and the longest text in two sizes of batch, which must not matter.
 */
export function planLlamaCpp(lengths: readonly number[], chunk: number, rule: TableRule): PlannedPass[] {
  const contextOf = (length: number) => CONTEXT_STEP * Math.ceil((length + 1) / CONTEXT_STEP);
  const longest = Math.max(...lengths);
  const shapes = lengths.flatMap((length) =>
    [...new Set([contextOf(length), contextOf(longest)])].map((context) => ({ length, context, chunk: 512 })),
  );
  return [...shapes, { length: longest, context: contextOf(longest), chunk }].flatMap((shape) => {
    const expected = rule(shape.context);
    return expected === undefined ? [] : [{ engine: 'llama.cpp' as const, ...shape, expected, informative: false }];
  });
}

/**
 * transformers chooses by the largest position of each forward pass. Read in steps, a text above the original length gets keys
 * of several tables in one cache (a dynamic one has another for every length), which no single table reproduces: these passes
 * inform.
 */
export function planTransformers(
  lengths: readonly number[],
  originalLength: number,
  chunk: number,
  rule: TableRule,
): PlannedPass[] {
  const longest = Math.max(...lengths);
  const steps = [...new Set([...lengths.filter((length) => length > originalLength).slice(0, 1), longest])];
  return [...lengths.map((length) => ({ length, chunk: null })), ...steps.map((length) => ({ length, chunk }))].flatMap(
    ({ length, chunk: step }) => {
      const expected = rule(length);
      const first = rule(Math.min(step ?? length, length));
      const mixes = expected !== undefined && first !== undefined && !turnAlike(first.rope, expected.rope);
      return expected === undefined
        ? []
        : [{ engine: 'transformers' as const, length, context: null, chunk: step, expected, informative: mixes }];
    },
  );
}

function turnAlike(a: ResolvedRope, b: ResolvedRope): boolean {
  return (
    a.attentionFactor === b.attentionFactor &&
    a.inverseFrequency.every((frequency, pair) => frequency === b.inverseFrequency[pair])
  );
}
