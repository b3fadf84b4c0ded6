import { translatePattern } from './oniguruma.js';
import type { Pattern } from './schema.js';

/** Finds a tokenizer.json pattern in a text; every instance is its own cursor. */
export function compilePattern(pattern: Pattern): RegExp {
  if ('Regex' in pattern) return translatePattern(pattern.Regex);
  return new RegExp(pattern.String.replace(/[$()*+./?[\\\]^{|}-]/g, '\\$&'), 'gu');
}
