import { type Problem, UserError } from '../../errors.js';
import type { TextMap } from './normalizer.js';
import type { AddedToken } from './schema.js';

/** A stretch of the text: an added token, or (id null) text that is still to be tokenised. */
export interface Stretch {
  readonly id: number | null;
  readonly start: number;
  readonly end: number;
}

const WORD_BEFORE = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_AFTER = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;
const BLANKS_BEFORE = /[\p{White_Space}]*$/u;
const BLANKS_AFTER = /^[\p{White_Space}]*/u;

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  token: AddedToken | null;
}

/** Finds added tokens in a text: leftmost first, then longest, as the Rust package does. */
export class AddedTokenFinder {
  private readonly root: TrieNode = { next: new Map(), token: null };
  /** Jumps to the next place where a token could begin. */
  private readonly firstCharacter: RegExp | null;

  /** @param spell the form in which a token stands in the text */
  constructor(tokens: readonly AddedToken[], spell: TextMap) {
    for (const token of tokens) this.insert(spell(token.content), token);
    const units = [...this.root.next.keys()].map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`);
    this.firstCharacter = units.length === 0 ? null : new RegExp(`[${units.join('')}]`, 'g');
  }

  /** Stretches that cover the text in order; none for an empty text. */
  split(text: string): Stretch[] {
    const out: Stretch[] = [];
    let from = 0;
    for (let at = this.candidate(text, 0); at >= 0; ) {
      const found = this.longestAt(text, at);
      if (found === null) {
        at = this.candidate(text, at + 1);
        continue;
      }
      const matchEnd = at + found.length;
      const stretch = extent(text, found.token, at, matchEnd, from);
      if (stretch !== null) {
        if (from < stretch.start) out.push({ id: null, start: from, end: stretch.start });
        out.push(stretch);
        from = stretch.end;
      }
      at = this.candidate(text, matchEnd);
    }
    if (from < text.length) out.push({ id: null, start: from, end: text.length });
    return out;
  }

  private insert(spelled: string, token: AddedToken): void {
    let node = this.root;
    for (let i = 0; i < spelled.length; i++) {
      const unit = spelled.charCodeAt(i);
      const next = node.next.get(unit) ?? { next: new Map(), token: null };
      node.next.set(unit, next);
      node = next;
    }
    if (spelled !== '') node.token ??= token;
  }

  private candidate(text: string, from: number): number {
    if (this.firstCharacter === null) return -1;
    this.firstCharacter.lastIndex = from;
    return this.firstCharacter.test(text) ? this.firstCharacter.lastIndex - 1 : -1;
  }

  private longestAt(text: string, start: number): { token: AddedToken; length: number } | null {
    let found: { token: AddedToken; length: number } | null = null;
    let node: TrieNode | undefined = this.root;
    for (let i = start; node !== undefined && i < text.length; i++) {
      node = node.next.get(text.charCodeAt(i));
      if (node?.token != null) found = { token: node.token, length: i + 1 - start };
    }
    return found;
  }
}

/** What a match takes of the text, with its blanks; null when it must be a word of its own and is not. */
function extent(text: string, token: AddedToken, start: number, end: number, from: number): Stretch | null {
  const before = text.slice(0, start);
  const after = text.slice(end);
  if (token.single_word && (WORD_BEFORE.test(before) || WORD_AFTER.test(after))) return null;
  const blanks = (pattern: RegExp, part: string) => pattern.exec(part)?.[0].length ?? 0;
  return {
    id: token.id,
    start: token.lstrip ? Math.max(from, start - blanks(BLANKS_BEFORE, before)) : start,
    end: token.rstrip ? end + blanks(BLANKS_AFTER, after) : end,
  };
}

/**
 * Checks that every added token has the id the Rust package gives it: its place in the vocabulary, otherwise the next
 * free id. Files where the two disagree give different ids in different programs, so they are refused.
 */
export function checkAddedTokenIds(
  tokens: readonly AddedToken[],
  vocabulary: ReadonlyMap<string, number>,
  where: string,
): void {
  const problems: Problem[] = [];
  const given = new Map<string, number>();
  let last = -1;
  for (const token of tokens) {
    if (token.content === '') continue;
    const id =
      vocabulary.get(token.content) ??
      given.get(token.content) ??
      (last >= vocabulary.size ? last + 1 : vocabulary.size);
    given.set(token.content, id);
    last = Math.max(last, id);
    if (id !== token.id)
      problems.push({
        where: `${where}: added token ${JSON.stringify(token.content)}`,
        expected: `id ${id}`,
        found: `${token.id}`,
      });
  }
  if (problems.length > 0) throw new UserError('input', problems);
}
