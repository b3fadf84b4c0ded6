import { InvalidArgumentError } from 'commander';

/** Parsers of flag values; commander prints their message with the flag's name. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) throw new InvalidArgumentError('Expected a positive whole number.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('Expected a whole number, 0 or more.');
  return value;
}

/** '256,512' or '4k,8k' (k = 1024). */
export function lengthList(text: string): number[] {
  const lengths = text.split(',').map(tokenLength);
  if (new Set(lengths).size < lengths.length) throw new InvalidArgumentError('A length is named twice.');
  return lengths;
}

/** A length in tokens; '8k' is 8192. */
export function tokenLength(text: string): number {
  const match = /^(\d+)(k?)$/i.exec(text.trim());
  const value = match === null ? 0 : Number(match[1]) * (match[2] === '' ? 1 : 1024);
  if (!Number.isSafeInteger(value) || value < 2)
    throw new InvalidArgumentError('Expected a number of tokens such as 4096 or 4k.');
  return value;
}

export function collect(value: string, previous: readonly string[] = []): string[] {
  return [...previous, value];
}

/** 'a,b' */
export function nameList(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('Expected names with commas between them.');
  return names;
}
