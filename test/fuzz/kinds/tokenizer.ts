import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { openTokenizer } from '../../../src/corpus/index.js';
import { mutatedBytes } from '../byte-mutations.js';
import type { FuzzKind, FuzzTarget } from '../fuzz-kind.js';
import { mutatedJson } from '../json-mutations.js';
import { tokenizerWorks } from '../tokenizer-works.js';

/** From the project's folder: scripts/fuzz.js runs a bundle of this file. */
const SENTENCE_PIECE = path.resolve('test/oracle/tokenizer-sentencepiece.json');

/** Byte-level BPE with every kind of step the reader knows, small enough that most changes hit something. */
const BYTE_LEVEL = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [
    { id: 8, content: '<s>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    { id: 9, content: 'night', single_word: true, lstrip: true, rstrip: true, normalized: true, special: false },
  ],
  normalizer: {
    type: 'Sequence',
    normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Digits', individual_digits: true },
      {
        type: 'Split',
        pattern: { Regex: "(?i:'s|'t)|[^\\r\\n\\p{L}]?\\p{L}+| ?\\p{N}{1,3}" },
        behavior: 'Isolated',
        invert: false,
      },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    ],
  },
  post_processor: {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  },
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: true,
    vocab: { a: 0, b: 1, c: 2, ab: 3, abc: 4, Ġ: 5, t: 6, Ġt: 7 },
    merges: ['a b', ['ab', 'c'], 'Ġ t'],
  },
};

const PATTERNS = [
  '(a',
  ')',
  '(a+)+$',
  '(a|a)*b',
  'a**',
  'a{2,1}',
  'a{99999999999}',
  '\\p{Foo}',
  '\\p{',
  '[',
  '[b-a]',
  '(?<n>a)',
  '\\1',
  'x*',
  '.',
];
const STEPS = [
  '{"type":"Strip","content":"","start":4294967296,"stop":0}',
  '{"type":"Metaspace","replacement":"","prepend_scheme":"always","split":true}',
  '{"type":"Metaspace","replacement":"▁","prepend_scheme":"first"}',
  '{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaa"}',
  '{"type":"Replace","pattern":{"Regex":"(a"},"content":""}',
  '{"type":"Prepend","prepend":""}',
  '{"type":"Sequence"}',
  '{"type":"Sequence","normalizers":[],"pretokenizers":[],"decoders":[]}',
];

/** tokenizer.json of both families, and the settings beside it. */
export const tokenizer: FuzzKind = {
  name: 'tokenizer',
  async prepare(folder) {
    const settings = { bos_token: '<s>', eos_token: { content: '<s>' }, add_bos_token: true };
    const sentencePiece: unknown = JSON.parse(await readFile(SENTENCE_PIECE, 'utf8'));
    return [
      await target(path.join(folder, 'byte-level'), 'tokenizer.json', BYTE_LEVEL, settings),
      await target(path.join(folder, 'sentencepiece'), 'tokenizer.json', sentencePiece, settings),
      await target(path.join(folder, 'settings'), 'tokenizer_config.json', BYTE_LEVEL, settings),
    ];
  },
};

async function target(folder: string, name: string, definition: unknown, settings: unknown): Promise<FuzzTarget> {
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(definition));
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify(settings));
  const file = path.join(folder, name);
  const valid = await readFile(file);
  const values = [...PATTERNS.map((pattern) => JSON.stringify(pattern)), ...STEPS, ...STEPS.map((step) => `[${step}]`)];
  return {
    file,
    valid,
    inputs: fc.oneof(mutatedBytes(valid), {
      weight: 3,
      arbitrary: mutatedJson(JSON.parse(valid.toString()), { values, keys: ['Regex', 'String', '<s>'] }),
    }),
    read: async () => tokenizerWorks(await openTokenizer(folder)),
  };
}
