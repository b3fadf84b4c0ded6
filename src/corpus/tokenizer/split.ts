export type SplitBehavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

/**
 * Cuts a text at the matches of a global pattern, with what the Rust package calls `SplitDelimiterBehavior`. Calls
 * `emit` with start and end of every piece that is not empty, in order.
 *
 * @param invert what lies between the matches counts as match, and the matches as text
 */
export function splitText(
  text: string,
  pattern: RegExp,
  behavior: SplitBehavior,
  invert: boolean,
  emit: (start: number, end: number) => void,
): void {
  const send = (start: number, end: number) => {
    if (start < end) emit(start, end);
  };
  if (behavior === 'Isolated') eachStretch(text, pattern, send);
  else if (behavior === 'Removed')
    eachStretch(text, pattern, (start, end, isMatch) => {
      if (isMatch === invert) send(start, end);
    });
  else merged(text, pattern, behavior, invert, send);
}

/** The three behaviours that join a stretch to a neighbour: a piece is held back until it is known to be whole. */
function merged(
  text: string,
  pattern: RegExp,
  behavior: 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous',
  invert: boolean,
  send: (start: number, end: number) => void,
): void {
  let from = 0;
  let to = 0;
  let previous: boolean | null = null;
  eachStretch(text, pattern, (start, end, matched) => {
    const isMatch = matched !== invert;
    const joins =
      previous !== null &&
      (behavior === 'Contiguous'
        ? isMatch === previous
        : behavior === 'MergedWithPrevious'
          ? isMatch && !previous
          : !isMatch && previous);
    if (!joins) {
      send(from, to);
      from = start;
    }
    to = end;
    previous = isMatch;
  });
  send(from, to);
}

/** Matches and the stretches between them, covering the text. */
function eachStretch(
  text: string,
  pattern: RegExp,
  visit: (start: number, end: number, isMatch: boolean) => void,
): void {
  let end = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const start = match.index;
    if (start > end) visit(end, start, false);
    end = start + match[0].length;
    visit(start, end, true);
    if (start === end) pattern.lastIndex += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  pattern.lastIndex = 0;
  if (end < text.length) visit(end, text.length, false);
}
