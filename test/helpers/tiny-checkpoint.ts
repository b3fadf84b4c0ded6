import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { resolveDecoder } from '../../src/model/architecture.js';
import { storedName } from '../../src/model/decoder-tensors.js';
import { type ArchitectureDeclaration, architectures, decoderTensors, type FloatDtype } from '../../src/model/index.js';
import { floatBytes } from './float-bytes.js';
import { seededRandom } from './random.js';
import { type RawTensor, writeSafetensors } from './write-safetensors.js';

/** A llama of about 20,000 weights, with the keys that transformers 5 writes. */
export const TINY_CONFIG: Readonly<Record<string, unknown>> = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 96,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  max_position_embeddings: 64,
  rope_parameters: { rope_type: 'default', rope_theta: 10_000 },
  tie_word_embeddings: false,
  attention_bias: false,
  mlp_bias: false,
  bos_token_id: 1,
  eos_token_id: 2,
};

export interface TinyCheckpointOptions {
  /** Laid over `TINY_CONFIG`; `model_type` chooses the architecture. An undefined value removes the key. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dtype?: FloatDtype;
  readonly seed?: number;
  /** More than one writes an index and that many shards. */
  readonly shards?: number;
  /** Last change before writing: drop, alter or add tensors. */
  readonly edit?: (tensors: RawTensor[]) => RawTensor[];
}

function declarationOf(config: Readonly<Record<string, unknown>>): ArchitectureDeclaration {
  return architectures.find(({ modelTypes }) => modelTypes.includes(config['model_type'] as string))!;
}

/** Tensors that the architecture keeps in one are joined, row by row. */
function fuse(tensors: readonly RawTensor[], declaration: ArchitectureDeclaration): RawTensor[] {
  const fused = new Map<string, RawTensor>();
  for (const tensor of tensors) {
    const name = storedName(tensor.name, declaration, 'safetensors');
    const before = fused.get(name);
    const shape = [(before?.shape[0] ?? 0) + tensor.shape[0]!, ...tensor.shape.slice(1)];
    fused.set(name, { ...tensor, name, shape, bytes: Buffer.concat([before?.bytes ?? Buffer.alloc(0), tensor.bytes]) });
  }
  return [...fused.values()];
}

/** The tensors of a random model with this config: norms near 1, matrices of variance 1 / columns. */
export function randomTensors(
  config: Readonly<Record<string, unknown>>,
  dtype: FloatDtype = 'F32',
  seed = 1,
): RawTensor[] {
  const { spec } = resolveDecoder(declarationOf(config), config, {
    locate: (key) => key,
    rotaryPairing: 'half',
    hasOutputHead: false,
  });
  const random = seededRandom(seed);
  return [...decoderTensors(spec)].map(([name, shape]) => {
    const isNorm = name.endsWith('norm.weight');
    const center = isNorm ? 1 - spec.normOffset : 0;
    const scale = isNorm ? 0.2 : Math.sqrt(12 / shape.at(-1)!);
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, () => center + (random() - 0.5) * scale);
    return { name, dtype, shape, bytes: floatBytes(values, dtype) };
  });
}

/** The same as a checkpoint keeps them. */
export function storedTensors(
  config: Readonly<Record<string, unknown>>,
  dtype?: FloatDtype,
  seed?: number,
): RawTensor[] {
  return fuse(randomTensors(config, dtype, seed), declarationOf(config));
}

/** Writes a Hugging Face folder with random weights and returns its config. */
export async function writeTinyCheckpoint(
  folder: string,
  options: TinyCheckpointOptions = {},
): Promise<Record<string, unknown>> {
  // As JSON will have it, so that the tensors follow from the same keys.
  const config = Object.fromEntries(
    Object.entries({ ...TINY_CONFIG, ...options.config }).filter(([, value]) => value !== undefined),
  );
  const random = storedTensors(config, options.dtype, options.seed);
  const tensors = options.edit?.(random) ?? random;
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(config, null, 1));
  const shards = options.shards ?? 1;
  if (shards === 1) {
    await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
    return config;
  }
  const weightMap: Record<string, string> = {};
  const digits = (n: number) => String(n).padStart(5, '0');
  for (let shard = 0; shard < shards; shard++) {
    const name = `model-${digits(shard + 1)}-of-${digits(shards)}.safetensors`;
    const part = tensors.filter((_, i) => i % shards === shard);
    await writeSafetensors(path.join(folder, name), part);
    for (const tensor of part) weightMap[tensor.name] = name;
  }
  await writeFile(
    path.join(folder, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: weightMap }),
  );
  return config;
}
