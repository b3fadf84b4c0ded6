import { readFileSync } from 'node:fs';
import path from 'node:path';

export const shared = path.resolve(import.meta.dirname, '../../../shared');

/** The same text as random_unicode() in parity/tokenizer_golden.py. */
export function randomUnicode(characters: number, seed = 12345): string {
  let state = seed;
  const draw = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  const frequent = [..." \n\r\t'sStTlLvVmMrReEdD019.,\u00a0\u0085\u017f\u212a\u0301\u0327\u2581\ufeff<>|"];
  const planes = [0x80, 0x80, 0x800, 0x800, 0x10000, 0x10000, 0x110000];
  const out: string[] = [];
  while (out.length < characters) {
    const kind = draw(10);
    if (kind < 3) out.push(frequent[draw(frequent.length)]!);
    else {
      const code = draw(planes[kind - 3]!);
      out.push(String.fromCodePoint(code >= 0xd800 && code < 0xe000 ? code - 0x800 : code));
    }
  }
  return out.join('');
}

export function firstCharacters(text: string, count: number): string {
  return [...text.slice(0, 2 * count)].slice(0, count).join('');
}

export function oracleTexts(): Record<'english' | 'latex' | 'unicode', string> {
  const read = (file: string) => firstCharacters(readFileSync(path.join(shared, 'data', file), 'utf8'), 1_000_000);
  return {
    english: read('pg19/validation/10905.txt'),
    latex: read('proof-pile/test/hott-book.txt'),
    unicode: randomUnicode(450_000),
  };
}
