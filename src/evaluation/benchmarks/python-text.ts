/** String methods of Python whose results differ from JavaScript's of the same name. */

const WHITESPACE = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const LEADING = new RegExp(`^${WHITESPACE}+`);
const WHITE = new RegExp(WHITESPACE);

/** `str.rstrip()` */
export function stripEnd(text: string): string {
  let end = text.length;
  while (end > 0 && WHITE.test(text[end - 1] as string)) end--;
  return text.slice(0, end);
}

/** `str.strip()` */
export function strip(text: string): string {
  return stripEnd(text.replace(LEADING, ''));
}

/** Letters whose title case is neither their upper case nor the upper case with the rest lowered. */
const TITLE: Readonly<Record<string, string>> = {
  ...Object.fromEntries([...'ǄǅǆǇǈǉǊǋǌǱǲǳ'].map((letter, i) => [letter, 'ǅǈǋǲ'[Math.floor(i / 3)] as string])),
  ŉ: 'ʼN',
};

/**
 * `str.capitalize()`: title case of the first character, lower case of all others. Other than Python's for a first letter
 * that is Georgian or Greek with an iota subscript.
 */
export function capitalize(text: string): string {
  const [first = ''] = text;
  const upper = first.toUpperCase();
  const [head = ''] = upper;
  // A final sigma is one only after another letter, so the first character has to be there when the rest is lowered.
  const rest = text.toLowerCase().slice(first.toLowerCase().length);
  return (TITLE[first] ?? head + upper.slice(head.length).toLowerCase()) + rest;
}

/** `len(text)`: code points. */
export function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
