const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN2 = LLAMA3.replace('\\p{N}{1,3}', '\\p{N}');
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const TEKKEN = `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** What a `tokenizer.ggml.pre` name stands for, in the parts of a tokenizer.json. */
export interface GgufPreTokenizer {
  readonly normalizer: object | null;
  readonly preTokenizer: object;
  readonly ignoreMerges: boolean;
}

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };
const gpt2: GgufPreTokenizer = {
  normalizer: null,
  preTokenizer: { ...BYTE_LEVEL, use_regex: true },
  ignoreMerges: false,
};
const singleDigits: GgufPreTokenizer = {
  ...gpt2,
  preTokenizer: sequence({ type: 'Digits', individual_digits: true }, gpt2.preTokenizer),
};

function split(pattern: string, ignoreMerges: boolean, normalizer: object | null = null): GgufPreTokenizer {
  const step = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  return { normalizer, preTokenizer: sequence(step, { ...BYTE_LEVEL, use_regex: false }), ignoreMerges };
}

function sequence(...pretokenizers: readonly object[]): object {
  return { type: 'Sequence', pretokenizers };
}

const llama3 = split(LLAMA3, true);
const qwen2 = split(QWEN2, false, { type: 'NFC' });

/**
 * By the names llama.cpp gives to pre-tokenizers (`llama-vocab.cpp`), each as the tokenizer.json it was made from has it.
 * `default` is GPT-2's, as in transformers.
 */
export const GGUF_PRE_TOKENIZERS: ReadonlyMap<string, GgufPreTokenizer> = new Map([
  ['default', gpt2],
  ['gpt-2', gpt2],
  ['phi-2', gpt2],
  ['olmo', gpt2],
  ['smollm', singleDigits],
  ['starcoder', singleDigits],
  ['refact', singleDigits],
  ['llama-bpe', llama3],
  ['llama3', llama3],
  ['llama-v3', llama3],
  ['falcon3', llama3],
  ['dbrx', split(LLAMA3, false)],
  ['qwen2', qwen2],
  ['deepseek-r1-qwen', qwen2],
  ['tekken', split(TEKKEN, true)],
]);
