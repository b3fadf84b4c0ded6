import { type Problem, UserError } from '../../errors.js';
import type { Model } from '../../model/types.js';
import { attentionFactorOf } from '../../rope/attention-factor.js';
import type { FactorVector } from '../../rope/types.js';
import type { LongropeTable } from '../longrope-table.js';
import type { Handoff } from './handoff-file.js';

/** Trainers may write factors back as float32. */
const TOLERANCE = 1e-6;

/**
 * The table for a checkpoint that comes back from training: the one it was handed off with, the short list restored. Throws
 * one `UserError` with everything about its RoPE that is not as it was handed off, since it was then trained with other angles.
 */
export function restoredTable(trained: Model, handoff: Handoff): LongropeTable {
  const { rope } = trained.spec;
  const { table, geometry } = handoff;
  const problems: Problem[] = [];
  const compare = (what: string, expected: unknown, found: unknown, hint?: string) => {
    if (expected === found || (typeof expected === 'number' && typeof found === 'number' && near(expected, found)))
      return;
    problems.push({
      where: `${trained.path}: ${what}`,
      expected: `${expected}, as it was handed off`,
      found: `${found}`,
      ...(hint !== undefined && { fix: hint }),
    });
  };
  compare('model_type', handoff.modelType, trained.config['model_type']);
  compare('num_hidden_layers', handoff.layers, trained.spec.layers);
  compare('hidden_size', handoff.hiddenSize, trained.spec.hiddenSize);
  compare('head_dim', geometry.headDim, rope.geometry.headDim);
  compare('rotary dimensions', geometry.rotaryDim, rope.geometry.rotaryDim);
  compare('rope_theta', geometry.theta, rope.geometry.theta, LOST_THETA);
  compare('rope type', 'longrope', rope.scaling.type, OVERWRITTEN);
  if (rope.scaling.type === 'longrope') {
    compare('original_max_position_embeddings', table.originalLength, rope.originalLength);
    compare('max_position_embeddings', table.targetLength, rope.maxPositionEmbeddings);
    compare('attention factor', table.attentionFactor, attentionFactorOf(rope.scaling));
    compareLists(trained, 'long_factor', table.long, rope.scaling.longFactor, problems);
    const short = handoff.lists === 'long' ? table.long : table.short;
    compareLists(trained, 'short_factor', short, rope.scaling.shortFactor, problems);
  }
  if (problems.length > 0) throw new UserError('input', problems);
  return table;
}

const LOST_THETA =
  'the trainer lost or changed theta: if it trained with that, train again; if it only wrote it so, correct the config';
const OVERWRITTEN = 'the trainer put its own RoPE scaling in place of the factors: train again without that setting';

function compareLists(
  trained: Model,
  key: string,
  expected: FactorVector,
  found: FactorVector,
  problems: Problem[],
): void {
  // Other widths have been told as rotary dimensions.
  if (expected.length !== found.length) return;
  const changed = [...expected].flatMap((value, i) => (near(value, found[i]!) ? [] : [i]));
  const first = changed[0];
  if (first === undefined) return;
  problems.push({
    where: `${trained.path}: ${key}[${first}]`,
    expected: `${expected[first]}, as it was handed off`,
    found: `${found[first]}${changed.length > 1 ? `, and ${changed.length - 1} more that differ` : ''}`,
  });
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.abs(a);
}
