import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type RawTensor, writeSafetensors } from './write-safetensors.js';

/** ../shared of the project: given material that tests may read. */
export const SHARED = path.resolve(import.meta.dirname, '../../../shared');
const SOURCE = path.join(SHARED, 'models/stories260K');

/**
 * Writes the llama2.c model stories260K as a Hugging Face folder in float32. llama2.c turns neighbouring values
 * (2i, 2i + 1); rows of q and k are reordered so that halves (i, i + 4) pair, as in Hugging Face checkpoints.
 */
export async function writeStories260k(folder: string): Promise<void> {
  const bytes = await readFile(path.join(SOURCE, 'stories260K.bin'));
  const [dim, hiddenDim, layers, heads, keyValueHeads, vocabulary, length] = Array.from({ length: 7 }, (_, i) =>
    bytes.readInt32LE(4 * i),
  ) as [number, number, number, number, number, number, number];
  const headDim = dim / heads;
  let position = 28;
  const take = (rows: number, columns: number): Uint8Array => {
    const start = position;
    position += 4 * rows * columns;
    return bytes.subarray(start, position);
  };
  const tensors: RawTensor[] = [];
  const add = (name: string, data: Uint8Array, ...shape: number[]) =>
    tensors.push({ name, dtype: 'F32', shape, bytes: data });
  const perLayer = (name: string, rows: number, columns?: number, arrange = (data: Uint8Array) => data) => {
    for (let layer = 0; layer < layers; layer++)
      add(
        `model.layers.${layer}.${name}.weight`,
        arrange(take(rows, columns ?? 1)),
        ...(columns === undefined ? [rows] : [rows, columns]),
      );
  };
  const toHalves = (data: Uint8Array) => adjacentToHalves(data, headDim, 4 * dim);
  const keyRows = keyValueHeads * headDim;

  add('model.embed_tokens.weight', take(vocabulary, dim), vocabulary, dim);
  perLayer('input_layernorm', dim);
  perLayer('self_attn.q_proj', dim, dim, toHalves);
  perLayer('self_attn.k_proj', keyRows, dim, toHalves);
  perLayer('self_attn.v_proj', keyRows, dim);
  perLayer('self_attn.o_proj', dim, dim);
  perLayer('post_attention_layernorm', dim);
  perLayer('mlp.gate_proj', hiddenDim, dim);
  perLayer('mlp.down_proj', dim, hiddenDim);
  perLayer('mlp.up_proj', hiddenDim, dim);
  add('model.norm.weight', take(1, dim), dim);

  const config = {
    model_type: 'llama',
    vocab_size: vocabulary,
    hidden_size: dim,
    intermediate_size: hiddenDim,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    max_position_embeddings: length,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    bos_token_id: 1,
    eos_token_id: 2,
  };
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config, null, 1));
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
}

/** Within each head, rows 0 1 2 3 4 5 6 7 become 0 2 4 6 1 3 5 7. */
function adjacentToHalves(data: Uint8Array, headDim: number, rowBytes: number): Uint8Array {
  const out = new Uint8Array(data.byteLength);
  for (let row = 0; row < data.byteLength / rowBytes; row++) {
    const head = Math.floor(row / headDim);
    const within = row % headDim;
    const target = head * headDim + (within % 2) * (headDim / 2) + Math.floor(within / 2);
    out.set(data.subarray(row * rowBytes, (row + 1) * rowBytes), target * rowBytes);
  }
  return out;
}

/** A decoder of ids to text for tok512.bin, as llama2.c's `decode`: the blank that starts the first piece after BOS is dropped. */
export async function stories260kDecoder(): Promise<(ids: ArrayLike<number>) => string> {
  const bytes = await readFile(path.join(SOURCE, 'tok512.bin'));
  const pieces: Buffer[] = [];
  for (let position = 4; position < bytes.byteLength; ) {
    const length = bytes.readInt32LE(position + 4);
    const piece = bytes.subarray(position + 8, position + 8 + length);
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece.toString('latin1'));
    pieces.push(byte === null ? piece : Buffer.from(byte[1]!, 'hex'));
    position += 8 + length;
  }
  return (ids) => {
    const parts = Array.from(ids, (id, i) => {
      const piece = pieces[id]!;
      return i > 0 && ids[i - 1] === 1 && piece[0] === 0x20 ? piece.subarray(1) : piece;
    });
    return Buffer.concat(parts.filter((_, i) => ids[i] !== 1 && ids[i] !== 2)).toString('utf8');
  };
}
