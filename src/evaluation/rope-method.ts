import { readFile } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { parseRopeConfig } from '../model/rope-config.js';
import type { RopeSpec } from '../model/types.js';
import { longropeAttentionFactor } from '../rope/attention-factor.js';
import { CLOSED_FORMS, type ClosedForm, closedFormFactors } from '../rope/closed-form.js';
import { parseFactorFile } from '../rope/factor-file.js';
import { type FactorSets, factorsAt, isFactorSets, parseFactorSets } from '../rope/factor-sets.js';
import { rescaledRope, resolveRope } from '../rope/frequencies.js';
import type { ResolvedRope, RopeScaling } from '../rope/types.js';
import { fileError, sha256 } from '../run/index.js';

/** What `--rope` names: how the rotary table of each length is made. */
export interface RopeMethod {
  /** As the user wrote it. */
  readonly name: string;
  resolve(length: number): ResolvedRope;
  /** Lengths that tell methods apart which are alike elsewhere: the reach of each factor set. */
  readonly lengths?: readonly number[];
  /** The factor file that it was read from. */
  readonly file?: { readonly path: string; readonly sha256: string };
}

export const ROPE_METHODS = ['model', ...CLOSED_FORMS, 'linear', 'dynamic', 'llama3', 'proportional'] as const;
type Named = (typeof ROPE_METHODS)[number];

export const ROPE_SYNTAX = `a method (${ROPE_METHODS.join(', ')}), a factor file (.csv, .json), a file of factor sets per length (.json) or a rope_parameters object in JSON; :RATIO fixes a method's ratio, @NUMBER or @longrope sets the attention factor`;

/**
 * Reads `METHOD[:RATIO][@ATTENTION]`. Without a ratio a method uses length / original length of each evaluation, at least 1.
 * Attention factors: what the method itself says (YaRN 0.1 ln s + 1, others 1), the LongRoPE formula for CSV factors;
 * `@1.06` or `@longrope` override it.
 */
export async function parseRopeMethod(text: string, spec: RopeSpec): Promise<RopeMethod> {
  const { body, attention } = splitAttention(text);
  const withAttention = (rope: ResolvedRope, ratio: number): ResolvedRope =>
    attention === undefined
      ? rope
      : {
          ...rope,
          attentionFactor: attention === 'longrope' ? longropeAttentionFactor(ratio, spec.originalLength) : attention,
        };
  const ratioOf = (length: number) => Math.max(1, length / spec.originalLength);

  if (body.startsWith('{')) {
    const { geometry, scaling } = parseRopeConfig(inlineConfig(body, spec), { headDim: spec.geometry.headDim });
    if (geometry.rotaryDim !== spec.geometry.rotaryDim)
      throw new UserError('unsupported', {
        where: `--rope ${text}`,
        expected: `the rotary width of the model, ${spec.geometry.rotaryDim}`,
        found: `${geometry.rotaryDim}`,
      });
    return { name: text, resolve: (length) => withAttention(resolveRope(geometry, scaling, length), ratioOf(length)) };
  }
  const [name, ratioText, ...more] = body.split(':') as [string, string?, ...string[]];
  if (isNamed(name)) {
    refuseRatio(name, [ratioText, ...more], text);
    const fixed = ratioText === undefined ? undefined : positive(ratioText, text, 'a ratio of at least 1', 1);
    return {
      name: text,
      resolve(length) {
        const ratio = fixed ?? ratioOf(length);
        return withAttention(named(name, spec, ratio, length), ratio);
      },
    };
  }
  const contents = await readRopeFile(body, text);
  const file = { path: body, sha256: sha256(contents) };
  if (isFactorSets(contents)) {
    const sets = factorSetsOf(contents, body, spec);
    return {
      name: text,
      file,
      lengths: sets.sets.map(({ maxLength }) => maxLength),
      resolve: (length) => withAttention(rescaledRope(spec.geometry, factorsAt(sets, length)), ratioOf(length)),
    };
  }
  const set = parseFactorFile(contents, { rotaryPairs: spec.geometry.rotaryDim / 2, name: body });
  return {
    name: text,
    file,
    resolve(length) {
      const ratio = (set.targetLength ?? length) / spec.originalLength;
      const attentionFactor = set.attentionFactor ?? longropeAttentionFactor(ratio, spec.originalLength);
      return withAttention(rescaledRope(spec.geometry, { ...set, attentionFactor }), ratio);
    },
  };
}

/** These two scale nothing, and a method has one ratio. */
function refuseRatio(name: Named, [ratio, ...more]: readonly (string | undefined)[], text: string): void {
  const takesNone = name === 'none' || name === 'model';
  if (more.length === 0 && (ratio === undefined || !takesNone)) return;
  throw new UserError('usage', {
    where: `--rope ${text}`,
    expected: takesNone ? `${name} without a ratio, as it scales nothing` : `one ratio, ${name}:RATIO`,
    found: [ratio, ...more].map((part) => `:${part}`).join(''),
  });
}

function named(name: Named, spec: RopeSpec, ratio: number, length: number): ResolvedRope {
  const { geometry, originalLength } = spec;
  switch (name) {
    case 'model':
      return resolveRope(geometry, spec.scaling, length);
    case 'yarn':
      return resolveRope(
        geometry,
        { type: 'yarn', factor: ratio, originalLength, betaFast: 32, betaSlow: 1, truncate: true },
        length,
      );
    case 'none':
    case 'pi':
    case 'ntk':
    case 'half-turn': {
      const factors = closedFormFactors(name satisfies ClosedForm, geometry, { ratio, originalLength });
      return rescaledRope(geometry, { factors, attentionFactor: 1, startTokens: 0 });
    }
    default:
      return resolveRope(geometry, scalingOf(name, ratio, originalLength), length);
  }
}

function scalingOf(
  name: 'linear' | 'dynamic' | 'llama3' | 'proportional',
  factor: number,
  originalLength: number,
): RopeScaling {
  switch (name) {
    case 'dynamic':
      return { type: 'dynamic', factor, maxPositionEmbeddings: originalLength };
    case 'llama3':
      return { type: 'llama3', factor, originalLength, lowFreqFactor: 1, highFreqFactor: 4 };
    default:
      return { type: name, factor };
  }
}

/** Whether a text names a method or holds a block: what `parseRopeMethod` reads without a file. */
export function isRopeMethod(text: string): boolean {
  const { body } = splitSuffix(text);
  return body.startsWith('{') || isNamed(body.split(':')[0] as string);
}

function isNamed(name: string): name is Named {
  return (ROPE_METHODS as readonly string[]).includes(name);
}

function splitAttention(text: string): { body: string; attention: number | 'longrope' | undefined } {
  const { body, suffix } = splitSuffix(text);
  if (suffix === undefined || suffix === 'longrope') return { body, attention: suffix };
  return { body, attention: positive(suffix, text, 'an attention factor above 0', Number.MIN_VALUE) };
}

/** A path may hold an @ of its own; only a number or the formula's name makes it a suffix. */
function splitSuffix(text: string): { body: string; suffix: string | undefined } {
  const at = text.lastIndexOf('@');
  const suffix = text.slice(at + 1);
  if (at < 0 || !(suffix === 'longrope' || /^[\d.]+(e[-+]?\d+)?$/i.test(suffix)))
    return { body: text, suffix: undefined };
  return { body: text.slice(0, at), suffix };
}

function positive(number: string, where: string, expected: string, minimum: number): number {
  const value = Number(number);
  if (number.trim() === '' || !Number.isFinite(value) || value < minimum)
    throw new UserError('usage', { where: `--rope ${where}`, expected, found: number });
  return value;
}

function inlineConfig(json: string, spec: RopeSpec): Record<string, unknown> {
  try {
    const parameters = JSON.parse(json) as Record<string, unknown>;
    return {
      max_position_embeddings: spec.maxPositionEmbeddings,
      rope_parameters: {
        rope_theta: spec.geometry.theta,
        partial_rotary_factor: spec.geometry.rotaryDim / spec.geometry.headDim,
        ...parameters,
      },
    };
  } catch (error) {
    throw new UserError('usage', {
      where: `--rope ${json}`,
      expected: 'a rope_parameters object in JSON',
      found: (error as Error).message,
    });
  }
}

function factorSetsOf(text: string, path: string, { geometry, originalLength }: RopeSpec): FactorSets {
  const sets = parseFactorSets(text, path, geometry.rotaryDim / 2);
  if (sets.originalLength === originalLength) return sets;
  throw new UserError('input', {
    where: `${path}: original_max_position_embeddings`,
    expected: `${originalLength}, the original length of the model`,
    found: `${sets.originalLength}`,
  });
}

async function readRopeFile(path: string, argument: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError('usage', {
        where: `--rope ${argument}`,
        expected: ROPE_SYNTAX,
        found: 'neither a method nor a file',
      });
    throw fileError(path, 'a factor file', error);
  }
}
