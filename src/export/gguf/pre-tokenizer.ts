import { parseTokenizerDefinition, type TokenizerDefinition } from '../../corpus/tokenizer/definition.js';
import { GGUF_PRE_TOKENIZERS } from '../../corpus/tokenizer/gguf-pre-tokenizers.js';

/** `default` and `gpt-2` mean the same; llama.cpp warns about the first. */
const AVOIDED: readonly string[] = ['default'];

/** The name by which llama.cpp knows the normaliser and pre-tokenizer of a byte-level tokenizer.json, or nothing. */
export function preTokenizerName(definition: TokenizerDefinition): string | undefined {
  const wanted = steps(definition);
  for (const [name, { normalizer, preTokenizer, ignoreMerges }] of GGUF_PRE_TOKENIZERS) {
    if (AVOIDED.includes(name)) continue;
    const model = { type: 'BPE', vocab: {}, merges: [], ignore_merges: ignoreMerges };
    const known = parseTokenizerDefinition({ normalizer, pre_tokenizer: preTokenizer, decoder: null, model }, name);
    if (steps(known) === wanted) return name;
  }
  return undefined;
}

function steps({ normalizer, preTokenizer, model }: TokenizerDefinition): string {
  const sorted = (_: string, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort())
      : value;
  return JSON.stringify([normalizer, preTokenizer, model.ignoreMerges], sorted);
}
