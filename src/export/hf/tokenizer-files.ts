import { addsBos, tokenizerJsonFromGguf } from '../../corpus/tokenizer/gguf.js';
import type { GgufValue } from '../../model/types.js';

type Metadata = ReadonlyMap<string, GgufValue>;
type Json = Readonly<Record<string, unknown>>;

/**
 * tokenizer.json and tokenizer_config.json from the metadata of a GGUF file, complete enough for the Rust `tokenizers`
 * package and for AutoTokenizer of transformers 4 and 5. Throws `UserError` for kinds that cannot be rebuilt exactly.
 */
export function tokenizerFilesFromGguf(metadata: Metadata, where: string, modelMaxLength: number): Map<string, string> {
  const base = tokenizerJsonFromGguf(metadata, where) as Json;
  const tokens = metadata.get('tokenizer.ggml.tokens') as readonly string[];
  const tokenOf = (role: string) => {
    const id = metadata.get(`tokenizer.ggml.${role}_token_id`);
    return typeof id === 'number' ? tokens[id] : undefined;
  };
  const bos = tokenOf('bos');
  const addBos = addsBos(metadata);
  const addEos = metadata.get('tokenizer.ggml.add_eos_token') === true;
  const eos = tokenOf('eos');
  const template = metadata.get('tokenizer.chat_template');
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: (base['added_tokens'] as readonly Json[]).map(({ id, content, ...rest }) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      ...rest,
    })),
    normalizer: base['normalizer'],
    pre_tokenizer: base['pre_tokenizer'],
    post_processor: boundaries(tokens, addBos ? bos : undefined, addEos ? eos : undefined),
    decoder: completeDecoder(base['decoder'] as Json),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      ...(base['model'] as Json),
    },
  };
  const special = Object.fromEntries(
    [
      ['bos_token', bos],
      ['eos_token', eos],
      ['unk_token', tokenOf('unknown')],
      ['pad_token', tokenOf('padding')],
    ].filter(([, token]) => token !== undefined),
  ) as Record<string, string>;
  const config = {
    // The class that takes tokenizer.json as it is; the named ones rebuild parts of it.
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...special,
    add_bos_token: addBos && bos !== undefined,
    add_eos_token: addEos && eos !== undefined,
    clean_up_tokenization_spaces: false,
    model_max_length: modelMaxLength,
    ...(typeof template === 'string' && { chat_template: template }),
  };
  return new Map([
    ['tokenizer.json', `${JSON.stringify(json)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(config, null, 2)}\n`],
    ['special_tokens_map.json', `${JSON.stringify(special, null, 2)}\n`],
  ]);
}

/** The Rust package wants both fields, whose values matter only for offsets. */
function completeDecoder(decoder: Json): Json {
  return decoder['type'] === 'ByteLevel'
    ? { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }
    : decoder;
}

function boundaries(tokens: readonly string[], bos: string | undefined, eos: string | undefined): Json | null {
  if (bos === undefined && eos === undefined) return null;
  const token = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const around = (name: 'A' | 'B', type: number) => [
    ...(bos === undefined ? [] : [token(bos, type)]),
    { Sequence: { id: name, type_id: type } },
    ...(eos === undefined ? [] : [token(eos, type)]),
  ];
  const names = [bos, eos].filter((name) => name !== undefined);
  return {
    type: 'TemplateProcessing',
    single: around('A', 0),
    pair: [...around('A', 0), ...around('B', 1)],
    special_tokens: Object.fromEntries(
      names.map((name) => [name, { id: name, ids: [tokens.indexOf(name)], tokens: [name] }]),
    ),
  };
}
