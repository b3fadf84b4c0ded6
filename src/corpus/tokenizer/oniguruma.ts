import { type CodePointSet, category, classSource, complement, whiteSpace } from './code-point-set.js';

/** Letters whose case-insensitive match in Unicode is more than the two ASCII forms. */
const EXTRA_CASE: Readonly<Record<string, string>> = { s: '\\u017f', k: '\\u212a' };
/** Characters that mean themselves after a backslash. */
const PUNCTUATION = /^[^A-Za-z0-9]$/u;
const CONTROLS: Readonly<Record<string, string>> = { r: '\\r', n: '\\n', t: '\\t', v: '\\v', f: '\\f' };
/** Group openings that mean the same in both dialects. */
const GROUPS = ['(?:', '(?=', '(?!', '(?<=', '(?<!'];

/** A part of a pattern that has no equivalent here; the message names it. */
export class UntranslatablePattern extends Error {}

/**
 * An Oniguruma pattern of a tokenizer.json as a JavaScript one that matches the same text on every Node version: Unicode
 * properties become the code points Oniguruma has in mind. Throws `UntranslatablePattern` for constructs outside the
 * subset that published tokenizers use.
 */
export function translatePattern(pattern: string): RegExp {
  const translated = new Translator(pattern).translate();
  try {
    return new RegExp(translated, 'gu');
  } catch (error) {
    throw new UntranslatablePattern(
      `${(error as Error).message.slice(-100)} in the pattern ${JSON.stringify(pattern)}`,
    );
  }
}

class Translator {
  private at = 0;
  private readonly chars: readonly string[];

  constructor(private readonly pattern: string) {
    this.chars = [...pattern];
  }

  translate(): string {
    let out = '';
    /** One entry per open group: whether it is case-insensitive. */
    const groups: boolean[] = [];
    while (this.at < this.chars.length) {
      const char = this.next();
      if (char === '[') out += this.characterClass();
      else if (char === '\\') out += this.escapeOutsideClass();
      else if (char === '(') {
        const [source, ignoreCase] = this.groupOpening();
        groups.push(ignoreCase || groups.at(-1) === true);
        out += source;
      } else if (char === ')') {
        groups.pop();
        out += ')';
      } else if ('?*+'.includes(char) || char === '{') out += this.quantifier(char);
      else if (char === '.') out += '[^\\n]';
      else if (char === '^' || char === '$') this.refuse(char);
      else if (char === '|') out += '|';
      else out += groups.at(-1) === true ? ignoringCase(char) : literal(char);
    }
    return out;
  }

  private next(): string {
    const char = this.chars[this.at++];
    if (char === undefined) this.refuse('an unfinished pattern');
    return char;
  }

  private refuse(what: string): never {
    throw new UntranslatablePattern(`${what} in the pattern ${JSON.stringify(this.pattern)}`);
  }

  private groupOpening(): [source: string, ignoreCase: boolean] {
    const rest = this.chars.slice(this.at - 1, this.at + 3).join('');
    if (rest === '(?i:') {
      this.at += 3;
      return ['(?:', true];
    }
    const opening = GROUPS.find((group) => rest.startsWith(group));
    if (opening !== undefined) {
      this.at += opening.length - 1;
      return [opening, false];
    }
    if (rest.startsWith('(?')) this.refuse(`the group ${rest}`);
    return ['(?:', false];
  }

  private quantifier(first: string): string {
    let out = first;
    if (first === '{') {
      while (!out.endsWith('}')) out += this.next();
      if (!/^\{\d+(,\d*)?\}$/.test(out)) this.refuse(`the quantifier ${out}`);
    }
    const next = this.chars[this.at];
    // Possessive for ? * +, but a second greedy quantifier after {n,m}: neither exists in JavaScript.
    if (next === '+') this.refuse(`the quantifier ${out}+`);
    if (next === '?') out += this.next();
    return out;
  }

  private escapeOutsideClass(): string {
    const escaped = this.escape();
    return typeof escaped === 'string' ? escaped : `[${classSource(escaped)}]`;
  }

  /** A class of characters, or the source of a single one. */
  private escape(): string | CodePointSet {
    const char = this.next();
    if (char === 's') return whiteSpace();
    if (char === 'S') return complement(whiteSpace());
    if (char === 'd') return category('Nd') ?? [];
    if (char === 'p' || char === 'P') return this.property(char === 'P');
    const control = CONTROLS[char];
    if (control !== undefined) return control;
    if (PUNCTUATION.test(char)) return literal(char);
    return this.refuse(`\\${char}`);
  }

  private property(negated: boolean): CodePointSet {
    const end = this.chars.indexOf('}', this.at);
    const name = this.chars.slice(this.at + 1, end).join('');
    const set = this.chars[this.at] === '{' && end > 0 ? category(name) : undefined;
    if (set === undefined) this.refuse(`the property ${name}`);
    this.at = end + 1;
    return negated ? complement(set) : set;
  }

  private characterClass(): string {
    let out = '[';
    if (this.chars[this.at] === '^') out += this.next();
    for (let first = true; ; first = false) {
      const char = this.next();
      if (char === ']' && !first) return `${out}]`;
      if (char === '[' || (char === '&' && this.chars[this.at] === '&')) this.refuse('a nested character class');
      if (char === '\\') {
        const escaped = this.escape();
        out += typeof escaped === 'string' ? escaped : classSource(escaped);
      } else if (char === '-') out += this.chars[this.at] === ']' || first ? '\\-' : '-';
      else out += literal(char);
    }
  }
}

function ignoringCase(char: string): string {
  if (!/^[A-Za-z]$/.test(char)) return literal(char);
  const lower = char.toLowerCase();
  return `[${lower}${lower.toUpperCase()}${EXTRA_CASE[lower] ?? ''}]`;
}

function literal(char: string): string {
  return /^[$()*+./?[\\\]^{|}-]$/.test(char) ? `\\${char}` : char;
}
