import { DIGITS, GENERAL_CATEGORIES, NORMALIZATION_ACTIVE, WHITE_SPACE } from './unicode-tables.js';

/** Sorted, disjoint ranges of code points, both ends included. */
export type CodePointSet = readonly (readonly [first: number, last: number])[];

const LAST_CODE_POINT = 0x10ffff;

export const whiteSpace = (): CodePointSet => decode(WHITE_SPACE);
export const digits = (): CodePointSet => decode(DIGITS);
export const normalizationActive = (): CodePointSet => decode(NORMALIZATION_ACTIVE);

/** The set of `\p{name}` for a general category ("Lu") or a group of them ("L"); undefined for any other property. */
export function category(name: string): CodePointSet | undefined {
  const assigned = Object.keys(GENERAL_CATEGORIES);
  // Whatever has no category in the tables is unassigned, which is part of C.
  if (name === 'Cn') return complement(unionOf(assigned));
  if (name === 'C') return complement(unionOf(assigned.filter((key) => !key.startsWith('C'))));
  const parts = assigned.filter((key) => key === name || key[0] === name);
  return parts.length === 0 ? undefined : unionOf(parts);
}

export function complement(set: CodePointSet): CodePointSet {
  const out: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) out.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) out.push([next, LAST_CODE_POINT]);
  return out;
}

/** The inside of a JavaScript character class (flag `u`). */
export function classSource(set: CodePointSet): string {
  const unit = (c: number) => `\\u{${c.toString(16)}}`;
  return set.map(([first, last]) => (first === last ? unit(first) : `${unit(first)}-${unit(last)}`)).join('');
}

function unionOf(categories: readonly string[]): CodePointSet {
  const out: [number, number][] = [];
  const ranges = categories.flatMap((key) => decode(GENERAL_CATEGORIES[key] ?? ''));
  for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
    const previous = out.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else out.push([first, last]);
  }
  return out;
}

function decode(runs: string): CodePointSet {
  const numbers = runs.split(' ').map((n) => Number.parseInt(n, 36));
  const out: [number, number][] = [];
  let end = 0;
  for (let i = 0; i < numbers.length; i += 2) {
    const first = end + (numbers[i] ?? 0);
    end = first + (numbers[i + 1] ?? 0);
    out.push([first, end]);
  }
  return out;
}
