import { expect, it } from 'vitest';
import { tokenizerFromGguf } from '../../src/corpus/index.js';
import { GGUF_PRE_TOKENIZERS } from '../../src/corpus/tokenizer/gguf-pre-tokenizers.js';
import { tokenizerFilesFromGguf } from '../../src/export/hf/tokenizer-files.js';
import type { GgufValue } from '../../src/model/types.js';

const OPENED = ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'tekken'];

it.each([...GGUF_PRE_TOKENIZERS.keys()])(
  'whether texts of %s begin with BOS is one answer, and that of llama.cpp',
  (pre) => {
    const metadata = new Map<string, GgufValue>([
      ['tokenizer.ggml.model', 'gpt2'],
      ['tokenizer.ggml.pre', pre],
      ['tokenizer.ggml.tokens', ['<s>', 'a', 'b']],
      ['tokenizer.ggml.token_type', [3, 1, 1]],
      ['tokenizer.ggml.merges', []],
      ['tokenizer.ggml.bos_token_id', 0],
    ]);
    const read = tokenizerFromGguf(metadata, 'model.gguf').addsBos;
    const written = tokenizerFilesFromGguf(metadata, 'model.gguf', 64).get('tokenizer_config.json') as string;
    expect([read, (JSON.parse(written) as { add_bos_token: boolean }).add_bos_token]).toEqual(
      Array(2).fill(OPENED.includes(pre)),
    );
  },
);
