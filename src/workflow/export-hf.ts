import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import {
  type ConfigProfile,
  configWithLongrope,
  defaultProfile,
  ExportProgress,
  FACTOR_SETS_NAME,
  factorSetsJson,
  foreignSet,
  HANDOFF_NAME,
  type HfDtype,
  type HfEngine,
  type LengthSet,
  type LongropeTable,
  ownTable,
  type PlacedFile,
  RECOMPUTING_ENGINES,
  readHandoff,
  restoredTable,
  type WeightMode,
  writeHfFolder,
} from '../export/index.js';
import { loadModel } from '../model/index.js';
import type { Model, RopeSpec } from '../model/types.js';
import type { ReportProgress } from '../run/index.js';
import { describeTable, type ExportedRope, type ExportRopeOptions, exportTable, readFactors } from './export-rope.js';
import { programVersion } from './version.js';

export interface HfExportJob extends Omit<ExportRopeOptions, 'rope'> {
  readonly rope?: string;
  /** Instead of `rope`: the folder of `export training` that this model was trained from. */
  readonly restore?: string;
  readonly model: string;
  readonly out: string;
  readonly force: boolean;
  readonly weights: WeightMode;
  readonly dtype?: HfDtype;
  /** Of weights that are written anew. */
  readonly maxShardBytes?: number;
  /** Another tokenizer than the model's own. */
  readonly tokenizer?: string;
  /** Default: `defaultProfile`. */
  readonly profile?: ConfigProfile;
  readonly engines: readonly HfEngine[];
  /** Factor files of further lengths, for the side file. */
  readonly factorSets: readonly { readonly length: number; readonly path: string }[];
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** The JSON twin of `export hf`. */
export interface HfExport {
  readonly format: 'longrope-export-hf/1';
  readonly version: string;
  readonly model: string;
  readonly out: string;
  /** null: the model's own RoPE, as it was. */
  readonly rope: ExportedRope | null;
  readonly engines: readonly HfEngine[];
  /** null: the RoPE keys of the config are the model's own. */
  readonly profile: ConfigProfile | null;
  readonly files: readonly PlacedFile[];
  /** What the reader of the folder has to know. */
  readonly notes: readonly string[];
}

/** `longrope export hf`: a Hugging Face folder whose config carries the factors. */
export async function exportHf(job: HfExportJob): Promise<HfExport> {
  const model = await loadModel(job.model);
  const { rope } = model.spec;
  const table = await chooseTable(job, model);
  if (table === null && job.profile !== undefined)
    throw new UserError('usage', { where: '--profile', expected: '--rope with factors', found: '--rope model' });
  const sets = await readSets(job, rope, table);
  // The config made of GGUF metadata has the keys that are read here, and few engines would find them all.
  const written = table ?? (model.checkpoint.format === 'gguf' ? ownTable(rope) : null);
  const profile = written === null ? null : (job.profile ?? defaultProfile(model.config, written));
  const files = await writeHfFolder(model, {
    out: job.out,
    force: job.force,
    config:
      written === null || profile === null
        ? model.config
        : configWithLongrope(model.config, rope.geometry, written, { profile, engines: job.engines }),
    weights: job.weights,
    ...(job.dtype !== undefined && { dtype: job.dtype }),
    ...(job.maxShardBytes !== undefined && { maxShardBytes: job.maxShardBytes }),
    ...(job.tokenizer !== undefined && { tokenizer: job.tokenizer }),
    extra: new Map(table === null || sets.length === 0 ? [] : [[FACTOR_SETS_NAME, factorSetsJson(table, sets)]]),
    progress: new ExportProgress(job.onProgress, job.signal),
  });
  return {
    format: 'longrope-export-hf/1',
    version: programVersion(),
    model: job.model,
    out: job.out,
    rope: table === null ? null : describeTable(job.rope ?? `${job.restore}`, table),
    engines: job.engines,
    profile,
    files,
    notes: written === null || profile === null ? [] : notes(written, job, profile),
  };
}

async function chooseTable(job: HfExportJob, model: Model): Promise<LongropeTable | null> {
  const { rope, restore, short, targetLength } = job;
  if ((rope === undefined) === (restore === undefined))
    throw new UserError('usage', {
      where: 'export hf',
      expected: 'one of --rope FACTORS and --restore HANDOFF',
      found: rope === undefined ? 'neither' : 'both',
    });
  if (restore === undefined) return exportTable({ ...job, rope: rope as string }, model.spec.rope);
  for (const [flag, value] of [
    ['--short', short],
    ['--target', targetLength],
  ])
    if (value !== undefined)
      throw new UserError('usage', {
        where: `${flag}`,
        expected: '--rope, as the hand-off says it',
        found: '--restore',
      });
  return restoredTable(model, await readHandoff(path.join(restore, HANDOFF_NAME)));
}

async function readSets(job: HfExportJob, rope: RopeSpec, table: LongropeTable | null): Promise<LengthSet[]> {
  const sets: LengthSet[] = [];
  const problems: Problem[] = [];
  const taken = new Map<number, string>(
    table === null
      ? []
      : [
          [table.originalLength, 'the short list'],
          [table.targetLength, 'the long list'],
        ],
  );
  for (const { length, path: file } of job.factorSets) {
    const where = `--factor-set ${length}=${file}`;
    if (table === null) problems.push({ where, expected: '--rope with factors', found: '--rope model' });
    const other = taken.get(length);
    if (other !== undefined) problems.push({ where, expected: 'one set per length', found: `${other} for it too` });
    taken.set(length, file);
    const named = await readFactors(file, rope, '--factor-set');
    if (named.set.targetLength !== null && named.set.targetLength !== length)
      problems.push({ where, expected: `factors made for ${length}`, found: `${named.set.targetLength}` });
    problems.push(...foreignSet({ ...named, name: where }, rope));
    sets.push({ ...named, length });
  }
  if (problems.length > 0) throw new UserError('usage', problems);
  return sets;
}

function notes(table: LongropeTable, job: HfExportJob, profile: ConfigProfile): string[] {
  const lines: string[] = [];
  const { attentionIsDefault, defaultAttentionFactor, attentionFactor } = describeTable('', table);
  if (!attentionIsDefault && profile === 'redundant') {
    const served = job.engines.some((engine) => RECOMPUTING_ENGINES.includes(engine));
    lines.push(
      served
        ? `attention factor ${attentionFactor}: written as short_mscale and long_mscale too, for ${RECOMPUTING_ENGINES.join(', ')}`
        : `attention factor ${attentionFactor}: transformers reads it; ${RECOMPUTING_ENGINES.join(', ')} would compute ${defaultAttentionFactor}: --engine vllm writes the keys they read`,
    );
  }
  if (job.engines.includes('vllm'))
    lines.push(`vLLM serves ${table.originalLength} tokens unless told --max-model-len ${table.targetLength}`);
  if (job.weights === 'none') lines.push('no weights: put them beside config.json');
  return lines;
}
