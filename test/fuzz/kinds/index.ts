import type { FuzzKind } from '../fuzz-kind.js';
import { arrow } from './arrow.js';
import { config } from './config.js';
import { factorCsv, factorJson } from './factors.js';
import { gguf } from './gguf.js';
import { safetensors } from './safetensors.js';
import { tokenizer } from './tokenizer.js';

/** Every kind of file the program reads from elsewhere. */
export const KINDS: readonly FuzzKind[] = [safetensors, gguf, arrow, tokenizer, config, factorCsv, factorJson];

export function findKind(name: string): FuzzKind {
  const kind = KINDS.find((candidate) => candidate.name === name);
  if (kind === undefined)
    throw new Error(`no kind named ${name}; there are ${KINDS.map((known) => known.name).join(', ')}`);
  return kind;
}
