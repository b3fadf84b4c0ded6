import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../errors.js';
import { readGgufEntries } from '../../model/checkpoint/gguf.js';
import { BLOCK_LAYOUTS } from '../../model/checkpoint/layouts.js';
import { ggufTensorName } from '../../model/gguf/tensor-names.js';
import type { Checkpoint, Model, TensorDtype } from '../../model/types.js';
import { checkSpace, removeUnfinished } from '../../run/index.js';
import type { EncodedType } from '../encode/index.js';
import { EXPORTED, type ExportProgress, ROOM } from '../progress.js';
import { halvesToNeighbours } from '../row-order.js';
import { encodedBytes, streamTensor } from '../stream-tensor.js';
import { type ExportTensor, exportTensors } from '../tensors.js';
import { architectureKeys, ggufTarget } from './architecture.js';
import { addEntries, type Entries } from './entries.js';
import { type GgufTensor, writeGguf } from './file.js';
import type { GgufRope } from './rope.js';
import { tokenizerEntries } from './tokenizer-entries.js';

/** `general.file_type` of llama.cpp. */
const FILE_TYPES: Readonly<Record<EncodedType, number>> = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 7, BF16: 32 };

const ROPE_TENSOR = /^rope_(freqs|factors_long|factors_short)\.weight$/;
/** What this export decides anew when it copies the metadata of a GGUF file; imatrix notes are true of kept bytes only. */
const DECIDED = /^general\.(alignment|file_type|quantization_version)$|^quantize\./;
const ROPE_KEY = /\.(rope\.scal(ing\..+|e_linear)|context_length)$/;

export interface GgufFileOptions {
  readonly out: string;
  readonly force: boolean;
  /** null keeps every tensor as it is. Vectors are always F32 unless kept from a GGUF file. */
  readonly type: EncodedType | null;
  /** null: what the model has (GGUF source: carried over). */
  readonly rope: GgufRope | null;
  readonly tokenizer: boolean;
  /** Where it is from, as `openTokenizer` takes it; default: the model. */
  readonly tokenizerPath?: string;
  readonly progress: ExportProgress;
}

export interface WrittenGguf {
  readonly bytes: number;
  /** Type -> number of tensors. */
  readonly types: Readonly<Partial<Record<TensorDtype, number>>>;
  /** Matrices whose rows are no whole number of blocks: written as F16, as llama.cpp's converter does. */
  readonly fallbacks: readonly string[];
}

/** Writes the model as one GGUF file. Nothing is left at `out` when it fails. */
export async function writeGgufFile(model: Model, options: GgufFileOptions): Promise<WrittenGguf> {
  const { out, rope } = options;
  const { checkpoint } = model;
  const target = ggufTarget(model, rope?.contextLength ?? model.spec.rope.maxPositionEmbeddings);
  await checkTarget(out, options.force, checkpoint.files);
  const reorder = target.neighbours && model.spec.rotaryPairing === 'half';
  const tensors: GgufTensor[] = (rope?.tensors ?? []).map(({ name, values }) => ({
    name,
    dtype: 'F32',
    shape: [values.length],
    byteLength: values.byteLength,
    stream: (write) => write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  }));
  if (rope === null && checkpoint.format === 'gguf')
    for (const stored of checkpoint.tensors.values())
      if (ROPE_TENSOR.test(stored.name))
        tensors.push({
          ...stored,
          stream: (write) => streamTensor(stored, { dtype: stored.dtype, order: null }, write),
        });
  const fallbacks: string[] = [];
  for (const tensor of exportTensors(model)) {
    const name = ggufTensorName(tensor.name);
    const dtype = typeOf(tensor, options.type, checkpoint.format);
    if (options.type !== null && tensor.stored.shape.length > 1 && dtype !== options.type) fallbacks.push(name);
    const order = reorder && tensor.rotaryHeads !== null ? halvesToNeighbours(model.spec.headDim) : null;
    tensors.push({
      name,
      dtype,
      shape: tensor.stored.shape,
      byteLength: encodedBytes(tensor.stored.shape, dtype),
      stream: (write) => streamTensor(tensor.stored, { dtype, order }, write),
    });
  }
  const total = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const folder = path.dirname(path.resolve(out));
  await removeUnfinished(folder, out);
  await checkSpace(folder, total, EXPORTED, ROOM);
  const entries =
    checkpoint.format === 'gguf'
      ? await carriedEntries(model, options, target.name)
      : await newEntries(model, options, target, mostBytes(tensors));
  const bytes = await writeGguf(out, entries, tensors, options.progress.counter(total));
  const types: Partial<Record<TensorDtype, number>> = {};
  for (const { dtype } of tensors) types[dtype] = (types[dtype] ?? 0) + 1;
  return { bytes, types, fallbacks };
}

async function checkTarget(out: string, force: boolean, sources: readonly string[]): Promise<void> {
  const kind = await stat(out).catch(() => null);
  const target = await realpath(out).catch(() => path.resolve(out));
  for (const source of sources)
    if ((await realpath(source)) === target)
      throw new UserError('input', { where: '--out', expected: 'another file than the model itself', found: out });
  if (kind?.isDirectory())
    throw new UserError('input', { where: out, expected: 'the name of a file', found: 'a folder' });
  if (kind !== null && !force)
    throw new UserError('input', {
      where: out,
      expected: 'a file that does not exist yet',
      found: `${kind.size} bytes`,
      fix: 'name another one, or give --force to replace it',
    });
  if ((await stat(path.dirname(path.resolve(out))).catch(() => null)) === null)
    throw new UserError('input', {
      where: path.dirname(out),
      expected: 'a folder for the file',
      found: 'nothing there',
    });
}

function typeOf({ stored }: ExportTensor, type: EncodedType | null, source: Checkpoint['format']): TensorDtype {
  // llama.cpp has no kernels for norms and biases in other types.
  if (stored.shape.length === 1) return type === null && source === 'gguf' ? stored.dtype : 'F32';
  if (type === null) return stored.dtype;
  return stored.shape.at(-1)! % BLOCK_LAYOUTS[type].length === 0 ? type : 'F16';
}

function mostBytes(tensors: readonly GgufTensor[]): TensorDtype {
  const bytes = new Map<TensorDtype, number>();
  for (const { dtype, byteLength } of tensors) bytes.set(dtype, (bytes.get(dtype) ?? 0) + byteLength);
  return [...bytes].sort(([, a], [, b]) => b - a)[0]![0];
}

function fileType(dtype: TensorDtype): { general: Record<string, { u32: number }> } {
  const type = FILE_TYPES[dtype as EncodedType];
  return {
    general: {
      ...(type !== undefined && { file_type: { u32: type } }),
      quantization_version: { u32: 2 },
    },
  };
}

async function newEntries(
  model: Model,
  { rope, tokenizer, tokenizerPath }: GgufFileOptions,
  target: ReturnType<typeof ggufTarget>,
  dtype: TensorDtype,
): Promise<Entries> {
  if (rope === null) throw new Error('a model without GGUF metadata needs its rope in GGUF keys');
  const entries: Entries = new Map();
  addEntries(entries, 'general.', {
    architecture: { string: target.name },
    type: { string: 'model' },
    name: { string: path.basename(path.resolve(model.path)) },
    ...fileType(dtype).general,
  });
  addEntries(entries, `${target.name}.`, {
    context_length: { u32: rope.contextLength },
    ...architectureKeys(model, target),
    ...rope.keys,
  });
  if (!tokenizer) addEntries(entries, 'tokenizer.', NO_TOKENIZER);
  else for (const [key, bytes] of await tokenizerEntries(model, tokenizerPath)) entries.set(key, bytes);
  return entries;
}

const NO_TOKENIZER = { 'ggml.model': { string: 'none' } } as const;

/** The entries of the source file, byte for byte, but for those that the export decides. */
async function carriedEntries(
  model: Model,
  { rope, type, tokenizer, tokenizerPath }: GgufFileOptions,
  architecture: string,
): Promise<Entries> {
  const entries: Entries = await readGgufEntries(model.checkpoint.files[0]!);
  const isOther = !tokenizer || tokenizerPath !== undefined;
  const rest = [...entries.keys()].filter(
    (key) =>
      (type !== null && DECIDED.test(key)) ||
      key === 'general.alignment' ||
      (rope !== null && ROPE_KEY.test(key)) ||
      (isOther && key.startsWith('tokenizer.')),
  );
  for (const key of rest) entries.delete(key);
  if (type !== null) addEntries(entries, 'general.', fileType(type).general);
  if (rope !== null)
    addEntries(entries, `${architecture}.`, { context_length: { u32: rope.contextLength }, ...rope.keys });
  if (!tokenizer) addEntries(entries, 'tokenizer.', NO_TOKENIZER);
  else if (isOther) for (const [key, bytes] of await tokenizerEntries(model, tokenizerPath)) entries.set(key, bytes);
  return entries;
}
