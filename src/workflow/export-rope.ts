import { readFile } from 'node:fs/promises';
import { UserError } from '../errors.js';
import {
  defaultAttentionFactor,
  hasDefaultAttention,
  type LongropeTable,
  longropeTable,
  type NamedSet,
} from '../export/index.js';
import type { RopeSpec } from '../model/types.js';
import {
  CLOSED_FORMS,
  type ClosedForm,
  closedFormFactors,
  type FactorSet,
  isClosedFormName,
  isFactorSets,
  parseFactorFile,
  yarnMscale,
} from '../rope/index.js';
import { fileError } from '../run/index.js';

export const EXPORT_ROPE_SYNTAX = `model (as it is), a factor file (.csv, .json), or ${CLOSED_FORMS.join(', ')} with :RATIO, e.g. yarn:2; @NUMBER or @longrope sets the attention factor`;

/** What the exports say about RoPE. */
export interface ExportRopeOptions {
  readonly rope: string;
  /** Factor file for lengths up to the original one. */
  readonly short?: string;
  readonly targetLength?: number;
}

/** The RoPE of an export, as JSON tells it. */
export interface ExportedRope {
  readonly source: string;
  readonly originalLength: number;
  readonly targetLength: number;
  readonly attentionFactor: number;
  /** What engines compute that read no attention factor. */
  readonly defaultAttentionFactor: number;
  readonly attentionIsDefault: boolean;
}

/** The table to write; null keeps the model's own RoPE. */
export async function exportTable(options: ExportRopeOptions, rope: RopeSpec): Promise<LongropeTable | null> {
  if (options.rope === 'model') {
    for (const [flag, value] of [
      ['--short', options.short],
      ['--target', options.targetLength],
    ])
      if (value !== undefined)
        throw new UserError('usage', { where: `${flag}`, expected: '--rope with factors', found: '--rope model' });
    return null;
  }
  const long = await readSet(options.rope, rope);
  return longropeTable(rope, long, {
    ...(options.short !== undefined && { short: await readFactors(options.short, rope, '--short') }),
    ...(options.targetLength !== undefined && { targetLength: options.targetLength }),
  });
}

export function describeTable(source: string, table: LongropeTable): ExportedRope {
  return {
    source,
    originalLength: table.originalLength,
    targetLength: table.targetLength,
    attentionFactor: table.attentionFactor,
    defaultAttentionFactor: defaultAttentionFactor(table),
    attentionIsDefault: hasDefaultAttention(table),
  };
}

/** `FILE` or `METHOD:RATIO`, and `@ATTENTION`. */
export async function readSet(text: string, rope: RopeSpec): Promise<NamedSet> {
  const [, body = text, suffix] = /^(.+)@(longrope|[\d.]+(?:e[-+]?\d+)?)$/i.exec(text) ?? [];
  const [, form, ratio] = /^([\w-]+):(.+)$/.exec(body) ?? [];
  if (isClosedFormName(body))
    throw new UserError('usage', {
      where: `--rope ${text}`,
      expected: `a ratio of the lengths, as in ${body}:2`,
      found: 'none',
    });
  const named = isClosedFormName(form)
    ? closedForm(form, positive(ratio ?? '', `--rope ${text}`, 'a ratio'), rope)
    : await readFactors(body, rope, '--rope');
  if (suffix === undefined) return { ...named, name: text };
  const attentionFactor = suffix === 'longrope' ? null : positive(suffix, `--rope ${text}`, 'an attention factor');
  return { name: text, set: { ...named.set, attentionFactor } };
}

/** With the attention factor the method has everywhere: YaRN's own, else 1. */
function closedForm(form: ClosedForm, ratio: number, { geometry, originalLength }: RopeSpec): NamedSet {
  const set: FactorSet = {
    factors: closedFormFactors(form, geometry, { ratio, originalLength }),
    attentionFactor: form === 'yarn' ? yarnMscale(ratio) : 1,
    startTokens: 0,
    originalLength,
    targetLength: Math.round(ratio * originalLength),
  };
  return { name: form, set };
}

export async function readFactors(path: string, rope: RopeSpec, flag: string): Promise<NamedSet> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError('usage', {
        where: `${flag} ${path}`,
        expected: flag === '--rope' ? EXPORT_ROPE_SYNTAX : 'a factor file (.csv, .json)',
        found: 'neither a method nor a file',
      });
    throw fileError(path, 'a factor file', error);
  }
  if (isFactorSets(text))
    throw new UserError('unsupported', {
      where: `${flag} ${path}`,
      expected:
        'one table of factors: transformers, vLLM, SGLang, llama.cpp and ONNX models have room for a short and a long one',
      found: 'a set per length, which our own evaluations alone can switch through (--rope there)',
      fix: "give the target's factors as --rope, those for the original length as --short, the others of export hf as --factor-set LENGTH=FILE",
    });
  return { name: path, set: parseFactorFile(text, { rotaryPairs: rope.geometry.rotaryDim / 2, name: path }) };
}

function positive(text: string, where: string, what: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value;
  throw new UserError('usage', { where, expected: `${what} above 0`, found: text });
}
