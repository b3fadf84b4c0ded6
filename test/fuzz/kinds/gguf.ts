import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openTokenizer } from '../../../src/corpus/index.js';
import { readGgufEntries } from '../../../src/model/checkpoint/gguf.js';
import { loadModel, openGguf } from '../../../src/model/index.js';
import { randomTensors, TINY_CONFIG } from '../../helpers/tiny-checkpoint.js';
import { ggufBytes, ggufTensors, llamaMetadata, type TypedValue } from '../../helpers/write-gguf.js';
import { mutatedBytes } from '../byte-mutations.js';
import { checkpointValues } from '../checkpoint-values.js';
import type { FuzzKind, FuzzTarget } from '../fuzz-kind.js';
import { ggufFields } from '../gguf-fields.js';
import { inspectable } from '../inspectable-model.js';
import { tokenizerWorks } from '../tokenizer-works.js';
import { usable } from '../usable-model.js';

const CONFIG = { ...TINY_CONFIG, num_hidden_layers: 1, vocab_size: 16, intermediate_size: 16 };
const strings = (...values: string[]) => ({ array: values.map((string) => ({ string })) });
const floats = (...values: number[]) => ({ array: values.map((f32) => ({ f32 })) });
const integers = (...values: number[]) => ({ array: values.map((u32) => ({ u32 })) });

const BYTE_LEVEL: Readonly<Record<string, TypedValue>> = {
  'tokenizer.ggml.model': { string: 'gpt2' },
  'tokenizer.ggml.pre': { string: 'gpt-2' },
  'tokenizer.ggml.tokens': strings(
    '<s>',
    '</s>',
    'a',
    'b',
    'c',
    'ab',
    'abc',
    'Ġ',
    'd',
    'e',
    'f',
    'g',
    'h',
    'i',
    'j',
    'k',
  ),
  'tokenizer.ggml.token_type': integers(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
  'tokenizer.ggml.merges': strings('a b', 'ab c'),
};
const SENTENCE_PIECE: Readonly<Record<string, TypedValue>> = {
  'tokenizer.ggml.model': { string: 'llama' },
  'tokenizer.ggml.tokens': strings(
    '<unk>',
    '<s>',
    '</s>',
    '▁',
    'a',
    'b',
    '▁a',
    'ab',
    'abb',
    'c',
    'd',
    'e',
    'f',
    'g',
    'h',
    'i',
  ),
  'tokenizer.ggml.scores': floats(0, 0, 0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13),
  'tokenizer.ggml.token_type': integers(2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
};
const LONGROPE: Readonly<Record<string, TypedValue>> = {
  'llama.rope.scaling.type': { string: 'longrope' },
  'llama.rope.scaling.original_context_length': { u32: 32 },
  'llama.rope.scaling.attn_factor': { f32: 1.25 },
};

/** Metadata, tensors and tokenizers of llama files. */
export const gguf: FuzzKind = {
  name: 'gguf',
  async prepare(folder) {
    await mkdir(folder, { recursive: true });
    const tensors = ggufTensors(randomTensors(CONFIG));
    const factors = (name: string, from: number) => ({
      name,
      dtype: 'F32',
      shape: [4],
      bytes: new Uint8Array(Float32Array.of(from, from + 1, from + 2, from + 3).buffer),
    });
    const lists = [factors('rope_factors_long.weight', 2), factors('rope_factors_short.weight', 1)];
    const quantised = { name: 'matrix', dtype: 'Q8_0', shape: [3, 32], bytes: new Uint8Array(102) };
    return Promise.all([
      target(folder, 'byte-level.gguf', ggufBytes({ ...llamaMetadata(CONFIG), ...BYTE_LEVEL }, tensors)),
      target(
        folder,
        'sentencepiece.gguf',
        ggufBytes({ ...llamaMetadata(CONFIG), ...SENTENCE_PIECE, ...LONGROPE }, [...tensors, ...lists]),
      ),
      target(
        folder,
        'plain.gguf',
        ggufBytes(
          {
            'general.architecture': { string: 'test' },
            nested: { array: [integers(1, 2), { array: [{ bool: true }] }] },
          },
          [quantised, factors('vector', 0)],
          2,
        ),
        false,
      ),
    ]);
  },
};

async function target(folder: string, name: string, valid: Buffer, isModel = true): Promise<FuzzTarget> {
  const file = path.join(folder, name);
  await writeFile(file, valid);
  return {
    file,
    valid,
    inputs: mutatedBytes(valid, { fields: ggufFields(valid) }),
    async read() {
      const checkpoint = await openGguf(file);
      await readGgufEntries(file);
      await checkpointValues(checkpoint);
      if (!isModel) return;
      await inspectable(file);
      usable(await loadModel(file));
      tokenizerWorks(await openTokenizer(file));
    },
  };
}
