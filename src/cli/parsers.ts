import { InvalidArgumentError } from 'commander';
import { parseBudget } from '../search/budget.js';

/** Parsers of flag values; commander prints their message with the flag's name. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) throw new InvalidArgumentError('Expected a positive whole number.');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

/** '90s', '10min' or '2h', in seconds. */
export function durationSeconds(text: string): number {
  try {
    const { unit, amount } = parseBudget(text);
    if (unit === 'seconds') return amount;
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('Expected a time such as 90s, 10min or 2h.');
}

/** '2,1,0.5' */
export function numberList(text: string): number[] {
  return text.split(',').map(positiveNumber);
}

/** In [0, 1). */
export function shareNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('Expected a number from 0 to below 1.');
  return value;
}

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('Expected a whole number, 0 or more.');
  return value;
}

/** '0,4,16' */
export function wholeNumberList(text: string): number[] {
  const numbers = text.split(',').map(wholeNumber);
  if (new Set(numbers).size < numbers.length) throw new InvalidArgumentError('A number is given twice.');
  return numbers;
}

/** '1%' as 0.01; without the sign refused, as it would be anybody's guess. */
export function percentage(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('Expected a percentage such as 1% or 0.5%.');
  return Number(match[1]) / 100;
}

/** What the generator of synthetic rows takes. */
export function seedNumber(text: string): number {
  const value = wholeNumber(text);
  if (value > 0xffffffff) throw new InvalidArgumentError('Expected a whole number below 2^32.');
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

/** How many depths, evenly from 0 to 1, or the depths themselves in percent ('0,50' or '0%'); as shares. */
export function depthList(text: string): number[] {
  if (/^\d+$/.test(text.trim())) {
    const count = positiveInteger(text);
    if (count < 2 || count > 101)
      throw new InvalidArgumentError('Expected 2 to 101 depths, or a list such as 0,50,100.');
    return Array.from({ length: count }, (_, i) => i / (count - 1));
  }
  const depths = text.split(',').map((part) => {
    const percent = Number(part.trim().replace(/(?<=\d)%$/, ''));
    if (part.trim() === '' || !(percent >= 0 && percent <= 100))
      throw new InvalidArgumentError('Expected depths from 0 to 100 percent, such as 0,50,100.');
    return percent / 100;
  });
  if (new Set(depths).size < depths.length) throw new InvalidArgumentError('A depth is named twice.');
  return depths;
}

/** The same of some words alone: commander gives up `choices` where an option has a parser. */
export function collectOf(names: readonly string[]): typeof collect {
  return (value, previous) => {
    if (!names.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${names.join(', ')}.`);
    return collect(value, previous);
  };
}

/** 'a,b' */
export function wordList(text: string): string[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.includes('')) throw new InvalidArgumentError('Expected names with commas between them.');
  if (new Set(words).size < words.length) throw new InvalidArgumentError('A name is given twice.');
  return words;
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
