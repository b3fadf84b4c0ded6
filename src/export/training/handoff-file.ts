import { z } from 'zod';
import { UserError } from '../../errors.js';
import { readJsonObject } from '../../model/checkpoint/file.js';
import { factorVector } from '../../rope/factor-vector.js';
import type { RopeGeometry } from '../../rope/types.js';
import type { LongropeTable } from '../longrope-table.js';
import { TRAINING_ENGINES, type TrainingEngineName } from './engine.js';

export const HANDOFF_NAME = 'longrope_handoff.json';

/** Two factor lists of the widest heads are some kB. */
const MAX_BYTES = 4 * 2 ** 20;

/** What the trained checkpoint is held against when it comes back, and the short list that training did without. */
export interface Handoff {
  readonly engine: TrainingEngineName;
  readonly modelType: string;
  readonly geometry: Pick<RopeGeometry, 'theta' | 'headDim' | 'rotaryDim'>;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly table: LongropeTable;
  /** The lists of the config that was trained with. */
  readonly lists: 'long' | 'both';
}

export function handoffJson({ engine, modelType, geometry, layers, hiddenSize, table, lists }: Handoff): string {
  const file = {
    format: 'longrope-handoff/1',
    engine,
    model_type: modelType,
    num_hidden_layers: layers,
    hidden_size: hiddenSize,
    head_dim: geometry.headDim,
    rotary_dim: geometry.rotaryDim,
    rope_theta: geometry.theta,
    original_max_position_embeddings: table.originalLength,
    max_position_embeddings: table.targetLength,
    attention_factor: table.attentionFactor,
    trained_with: lists,
    short_factor: [...table.short],
    long_factor: [...table.long],
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

const size = z.int('a positive whole number').min(1, 'a positive whole number');
const positive = z.number('a number above 0').gt(0, 'a number above 0');
const schema = z.object({
  format: z.literal('longrope-handoff/1', '"longrope-handoff/1"'),
  engine: z.enum(TRAINING_ENGINES, `one of ${TRAINING_ENGINES.join(', ')}`),
  model_type: z.string('the type of the model'),
  num_hidden_layers: size,
  hidden_size: size,
  head_dim: size,
  rotary_dim: size,
  rope_theta: positive,
  original_max_position_embeddings: size,
  max_position_embeddings: size,
  attention_factor: positive,
  trained_with: z.enum(['long', 'both'], '"long" or "both"'),
  short_factor: z.array(z.unknown(), 'a list of numbers'),
  long_factor: z.array(z.unknown(), 'a list of numbers'),
});

/** Reads the file of a hand-off folder. Throws one `UserError` with everything that is wrong in it. */
export async function readHandoff(file: string): Promise<Handoff> {
  const json = await readJsonObject(file, MAX_BYTES);
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw new UserError(
      'input',
      parsed.error.issues.map(({ path, message }) => ({
        where: `${file}: ${path.join('.')}`,
        expected: message,
        found: JSON.stringify(json[String(path[0])]) ?? 'nothing',
      })),
    );
  const { data } = parsed;
  const list = (key: 'short_factor' | 'long_factor') => factorVector(data[key], data.rotary_dim / 2, `${file}: ${key}`);
  return {
    engine: data.engine,
    modelType: data.model_type,
    geometry: { theta: data.rope_theta, headDim: data.head_dim, rotaryDim: data.rotary_dim },
    layers: data.num_hidden_layers,
    hiddenSize: data.hidden_size,
    lists: data.trained_with,
    table: {
      short: list('short_factor'),
      long: list('long_factor'),
      attentionFactor: data.attention_factor,
      originalLength: data.original_max_position_embeddings,
      targetLength: data.max_position_embeddings,
    },
  };
}
