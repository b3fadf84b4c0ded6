/** How many of the expected strings are in the answer, whatever the case: RULER's string_match_all before its division. */
export function countFound(answer: string, expected: readonly string[]): number {
  const text = answer.toLowerCase();
  return expected.filter((wanted) => text.includes(wanted.toLowerCase())).length;
}

/** Whether the first number of the answer's first line is the key. */
export function startsWithNumber(answer: string, key: string): boolean {
  const [line = ''] = answer.trimStart().split('\n', 1);
  return firstNumber(line) === key;
}

/** The first run of digits. */
export function firstNumber(text: string): string | null {
  return /\d+/.exec(text)?.[0] ?? null;
}
