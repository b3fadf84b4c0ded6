import { type MeasureName, PERPLEXITY_ALONE } from './objectives/terms.js';

/** Options of a search that depend on each other, wherever they are written; undefined is not given. */
export interface DependentOptions {
  readonly targetLength: number;
  readonly lengths?: readonly number[] | undefined;
  readonly measures?: readonly MeasureName[] | undefined;
  readonly needleDepths?: unknown;
  readonly judge?: unknown;
  readonly shortLimit?: unknown;
  readonly racing?: unknown;
}

/** `option`: which one cannot stand beside the others. Flags and recipe keys have their own spelling of it. */
export interface Contradiction {
  readonly option: 'lengths' | 'needleDepths' | 'judge' | 'shortLimit';
  readonly expected: string;
  readonly found: string;
}

/** Every option that would do nothing, or the wrong thing, beside the others. */
export function contradictions({
  targetLength,
  lengths = [],
  measures = PERPLEXITY_ALONE.map(({ measure }) => measure),
  needleDepths,
  judge,
  shortLimit,
  racing,
}: DependentOptions): readonly Contradiction[] {
  const long = lengths.filter((length) => length > targetLength);
  const measured = measures.join(', ') || 'none';
  const rules: readonly (Contradiction & { readonly isBroken: boolean })[] = [
    {
      option: 'lengths',
      isBroken: long.length > 0,
      expected: `none above the target, ${targetLength}`,
      found: long.join(', '),
    },
    {
      option: 'needleDepths',
      isBroken: needleDepths !== undefined && !measures.includes('needle'),
      expected: 'needle in the objective',
      found: measured,
    },
    {
      option: 'judge',
      isBroken: judge !== undefined && !measures.includes('longppl'),
      expected: 'longppl in the objective',
      found: measured,
    },
    {
      option: 'shortLimit',
      isBroken: shortLimit !== undefined && racing !== undefined,
      expected: 'no racing, whose parts cannot decide it',
      found: 'both',
    },
  ];
  return rules.flatMap(({ isBroken, ...contradiction }) => (isBroken ? [contradiction] : []));
}
