import { ggufTensorName } from '../../src/model/gguf/tensor-names.js';
import type { NormPlacement } from '../../src/model/index.js';
import type { RawTensor } from './write-safetensors.js';

/** A metadata value with its GGUF type; `array` has the type of its elements. */
export type TypedValue =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly array: readonly TypedValue[] };

const TENSOR_TYPE: Readonly<Record<string, number>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q8_0: 8,
  Q4_K: 12,
  IQ4_XS: 23,
  BF16: 30,
};

const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const string = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

function encode(value: TypedValue): { type: number; bytes: Buffer } {
  if ('u32' in value) return { type: 4, bytes: u32(value.u32) };
  if ('f32' in value) return { type: 6, bytes: Buffer.from(Float32Array.of(value.f32).buffer) };
  if ('bool' in value) return { type: 7, bytes: Buffer.from([value.bool ? 1 : 0]) };
  if ('string' in value) return { type: 8, bytes: string(value.string) };
  const items = value.array.map(encode);
  return {
    type: 9,
    bytes: Buffer.concat([u32(items[0]?.type ?? 4), u64(items.length), ...items.map(({ bytes }) => bytes)]),
  };
}

/** A GGUF file, version 3 unless said. */
export function ggufBytes(
  metadata: Readonly<Record<string, TypedValue>>,
  tensors: readonly RawTensor[],
  version = 3,
): Buffer {
  const align = (size: number) => Math.ceil(size / 32) * 32;
  let offset = 0;
  const head: Uint8Array[] = [
    Buffer.from('GGUF'),
    u32(version),
    u64(tensors.length),
    u64(Object.keys(metadata).length),
  ];
  for (const [key, value] of Object.entries(metadata)) {
    const { type, bytes } = encode(value);
    head.push(string(key), u32(type), bytes);
  }
  for (const { name, dtype, shape, bytes } of tensors) {
    head.push(string(name), u32(shape.length), ...shape.toReversed().map(u64), u32(TENSOR_TYPE[dtype]!), u64(offset));
    offset = align(offset + bytes.byteLength);
  }
  const header = Buffer.concat(head);
  const out = Buffer.alloc(align(header.byteLength) + offset);
  header.copy(out);
  let position = align(header.byteLength);
  for (const { bytes } of tensors) {
    out.set(bytes, position);
    position = align(position + bytes.byteLength);
  }
  return out;
}

/** The metadata llama.cpp's converter writes for a llama, or an architecture like it, with these config values. */
export function llamaMetadata(
  config: Readonly<Record<string, unknown>>,
  architecture = 'llama',
): Record<string, TypedValue> {
  const number = (key: string) => ({ u32: config[key] as number });
  const metadata: Record<string, TypedValue> = {
    'general.architecture': { string: architecture },
    'llama.block_count': number('num_hidden_layers'),
    'llama.context_length': number('max_position_embeddings'),
    'llama.embedding_length': number('hidden_size'),
    'llama.feed_forward_length': number('intermediate_size'),
    'llama.attention.head_count': number('num_attention_heads'),
    'llama.attention.head_count_kv': number('num_key_value_heads'),
    'llama.attention.layer_norm_rms_epsilon': { f32: config['rms_norm_eps'] as number },
    'llama.rope.freq_base': { f32: 10_000 },
    'llama.rope.dimension_count': number('head_dim'),
    'llama.vocab_size': number('vocab_size'),
    'tokenizer.ggml.bos_token_id': number('bos_token_id'),
    'tokenizer.ggml.eos_token_id': number('eos_token_id'),
  };
  return Object.fromEntries(
    Object.entries(metadata).map(([key, value]) => [key.replace(/^llama\./, `${architecture}.`), value]),
  );
}

/** The same tensors under their GGUF names. Rows keep their order, which is fine for random weights. */
export function ggufTensors(tensors: readonly RawTensor[], placement?: NormPlacement): RawTensor[] {
  return tensors.map((tensor) => ({ ...tensor, name: ggufTensorName(tensor.name, placement) }));
}
