import type { RopeSource } from '../export/index.js';
import { describeValue } from '../model/describe.js';

export interface OriginalLength {
  /** tokens */
  readonly value: number;
  /** The key it was read from. */
  readonly from: string;
  readonly notes: readonly string[];
}

type Config = Readonly<Record<string, unknown>>;

/** Types whose block says what the model was trained for; the others stretch `max_position_embeddings` itself. */
const TYPES_WITH_ORIGINAL: readonly unknown[] = ['longrope', 'su', 'yarn', 'llama3'];

/**
 * The length that targets are measured against, and which key says so: the one the base frequencies were trained for. A
 * sliding window never is (microsoft/LongRoPE takes it for that, and its Mistral models are searched for the wrong ratio).
 * Precedence as transformers 5: top level, then the block, then `max_position_embeddings`.
 */
export function originalLength(source: RopeSource, asked?: number): OriginalLength {
  const found = source.format === 'gguf' ? fromGguf(source) : fromConfig(source.config);
  if (asked === undefined || asked === found.value) return found;
  return { value: asked, from: '--original', notes: [`${found.from} says ${found.value}`, ...found.notes] };
}

function fromGguf(source: Extract<RopeSource, { format: 'gguf' }>): OriginalLength {
  const { architecture, originalLength: value, contextLength, factor, type, keys } = source;
  const isStated = value !== contextLength;
  const notes =
    !isStated && type === 'linear' && factor > 1
      ? [linearNote(`${architecture}.context_length`, contextLength, factor)]
      : [];
  const key = 'rope.scaling.original_context_length';
  const stated = keys.has(key) ? `${architecture}.${key}` : 'rope_freqs.weight, the factors of a llama3 model';
  const from = isStated ? stated : `${architecture}.context_length`;
  return { value, from, notes };
}

function fromConfig(config: Config): OriginalLength {
  const maximum = Number(config['max_position_embeddings']);
  const [name, block] = ropeBlock(config);
  const type = block['rope_type'] ?? block['type'] ?? 'default';
  const notes: string[] = [];
  const window = config['sliding_window'];
  if (typeof window === 'number' && window < maximum)
    notes.push(`sliding_window ${window} is how far a layer looks back, not the original length`);
  if (type === 'linear' && Number(block['factor']) > 1)
    notes.push(linearNote('max_position_embeddings', maximum, Number(block['factor'])));
  if (TYPES_WITH_ORIGINAL.includes(type)) {
    const key = 'original_max_position_embeddings';
    for (const [from, value] of [
      [key, config[key]],
      [`${name}.${key}`, block[key]],
    ] as const)
      if (typeof value === 'number') return { value, from, notes };
    notes.push(`${name} of type ${describeValue(type)} names no original length`);
  }
  return { value: maximum, from: 'max_position_embeddings', notes };
}

function linearNote(key: string, length: number, factor: number): string {
  return `linear with factor ${factor}: if ${key} ${length} is the extended length, give --original ${length / factor}`;
}

/** The block of all layers, or of global ones where each layer type has its own. */
function ropeBlock(config: Config): readonly [string, Config] {
  const global = recordOf(recordOf(config['rope_parameters'])['full_attention']);
  for (const [name, block] of [
    ['rope_scaling', recordOf(config['rope_scaling'])],
    ['rope_parameters.full_attention', global],
    ['rope_parameters', recordOf(config['rope_parameters'])],
  ] as const)
    if (Object.keys(block).length > 0) return [name, { ...global, ...block }];
  return ['rope_scaling', {}];
}

function recordOf(value: unknown): Config {
  return typeof value === 'object' && value !== null ? (value as Config) : {};
}
