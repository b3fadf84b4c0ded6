import { type Problem, UserError } from '../errors.js';
import type { RopeSpec } from '../model/types.js';
import { longropeAttentionFactor } from '../rope/attention-factor.js';
import type { FactorSet } from '../rope/factor-set.js';
import { factorVector } from '../rope/factor-vector.js';
import type { FactorVector } from '../rope/types.js';

/** What every longrope format says: two factor lists, one attention factor, two lengths. */
export interface LongropeTable {
  readonly short: FactorVector;
  readonly long: FactorVector;
  /** Multiplies cos and sin, with either list. */
  readonly attentionFactor: number;
  readonly originalLength: number;
  readonly targetLength: number;
}

/** A factor set and what the user calls it. */
export interface NamedSet {
  readonly name: string;
  readonly set: FactorSet;
}

export interface LongropeTableOptions {
  /** Factors up to the original length; default: 1, as the model was trained. */
  readonly short?: NamedSet;
  /** Default: the length the factors were made for. */
  readonly targetLength?: number;
}

/**
 * The table that engines are given for searched factors. Throws one `UserError` with everything in them that no format
 * can say, or that does not belong to this model.
 */
export function longropeTable(rope: RopeSpec, long: NamedSet, options: LongropeTableOptions = {}): LongropeTable {
  const { originalLength, geometry } = rope;
  const { short } = options;
  const problems: Problem[] = [...setProblems(long, rope), ...(short ? setProblems(short, rope) : [])];
  if (geometry.rotatingPairs !== undefined)
    problems.push({
      where: long.name,
      expected: 'a model whose rotary pairs all turn',
      found: 'proportional RoPE, which a longrope block cannot say',
    });
  const targetLength = options.targetLength ?? long.set.targetLength;
  if (targetLength === null)
    problems.push({
      where: long.name,
      expected: 'a length the factors are for',
      found: 'none in the file',
      fix: 'give --target TOKENS, or a factor file in JSON that has target_length (the factors.json of a search)',
    });
  else if (long.set.targetLength !== null && targetLength !== long.set.targetLength)
    problems.push({
      where: '--target',
      expected: `${long.set.targetLength}, which ${long.name} was made for`,
      found: `${targetLength}`,
    });
  else if (targetLength <= originalLength)
    problems.push({
      where: options.targetLength === undefined ? long.name : '--target',
      expected: `a length above the original one, ${originalLength}`,
      found: `${targetLength}`,
    });
  const shortAttention = short?.set.attentionFactor ?? null;
  const longAttention = long.set.attentionFactor;
  if (short && shortAttention !== null && longAttention !== null && shortAttention !== longAttention)
    problems.push({
      where: `${short.name}: attention_factor`,
      expected: `${longAttention}, as ${long.name} says: engines have one for both lists`,
      found: `${shortAttention}`,
    });
  if (targetLength === null || problems.length > 0) throw new UserError('unsupported', problems);
  return {
    short: short?.set.factors ?? factorVector([...long.set.factors].map(() => 1)),
    long: long.set.factors,
    attentionFactor: longAttention ?? shortAttention ?? defaultAttentionFactor({ originalLength, targetLength }),
    originalLength,
    targetLength,
  };
}

/** The table of a model that has one; null for other types. */
export function ownTable({ scaling, originalLength, maxPositionEmbeddings }: RopeSpec): LongropeTable | null {
  if (scaling.type !== 'longrope') return null;
  const lengths = { originalLength, targetLength: maxPositionEmbeddings };
  const { shortFactor: short, longFactor: long, attentionFactor = defaultAttentionFactor(lengths) } = scaling;
  return { short, long, attentionFactor, ...lengths };
}

/** What engines compute that do not read an attention factor. */
export function defaultAttentionFactor({
  originalLength,
  targetLength,
}: Pick<LongropeTable, 'originalLength' | 'targetLength'>): number {
  return longropeAttentionFactor(targetLength / originalLength, originalLength);
}

/** Whether it is the default to float32 precision, in which all engines compute it. */
export function hasDefaultAttention(table: LongropeTable): boolean {
  return Math.abs(table.attentionFactor / defaultAttentionFactor(table) - 1) < 1e-6;
}

function* setProblems(named: NamedSet, rope: RopeSpec): Generator<Problem> {
  const { name, set } = named;
  if (set.startTokens > 0)
    yield {
      where: `${name}: start_tokens`,
      expected: '0: transformers, vLLM, SGLang, llama.cpp and onnxruntime-genai rescale every position',
      found: `${set.startTokens}, which longrope alone can evaluate`,
      fix: 'search without start tokens',
    };
  yield* foreignSet(named, rope);
}

/** What makes a set one of another model. */
export function* foreignSet(
  { name, set }: NamedSet,
  { originalLength, geometry }: Pick<RopeSpec, 'originalLength' | 'geometry'>,
): Generator<Problem> {
  if (set.originalLength !== null && set.originalLength !== originalLength)
    yield {
      where: `${name}: original_max_position_embeddings`,
      expected: `${originalLength}, the original length of the model`,
      found: `${set.originalLength}`,
    };
  if (set.factors.length !== geometry.rotaryDim / 2)
    yield {
      where: `${name}: factors`,
      expected: `${geometry.rotaryDim / 2}, one per rotary pair`,
      found: `${set.factors.length}`,
    };
}
