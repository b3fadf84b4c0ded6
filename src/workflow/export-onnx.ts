import { UserError } from '../errors.js';
import {
  configWithLongrope,
  ExportProgress,
  type LongropeTable,
  type OnnxDtype,
  type OnnxRope,
  type PlacedFile,
  rereads,
  writeOnnxFolder,
} from '../export/index.js';
import { loadModel } from '../model/index.js';
import type { RopeSpec } from '../model/types.js';
import { rescaledRope, resolveRope } from '../rope/index.js';
import { checkVacantFolder, type ReportProgress } from '../run/index.js';
import { describeTable, type ExportedRope, type ExportRopeOptions, exportTable } from './export-rope.js';
import { programVersion } from './version.js';

export interface OnnxExportJob extends ExportRopeOptions {
  readonly model: string;
  readonly out: string;
  readonly dtype: OnnxDtype;
  readonly logits: 'all' | 'last';
  readonly maxShardBytes: number;
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** The JSON twin of `export onnx`. */
export interface OnnxExport {
  readonly format: 'longrope-export-onnx/1';
  readonly version: string;
  readonly model: string;
  readonly out: string;
  readonly dtype: OnnxDtype;
  readonly logits: 'all' | 'last';
  /** null: the model's own RoPE, as it was. */
  readonly rope: ExportedRope | null;
  readonly contextLength: number;
  readonly files: readonly PlacedFile[];
  readonly notes: readonly string[];
}

/** `longrope export onnx`: a folder for onnxruntime-genai and transformers.js, with the rotary tables in it. */
export async function exportOnnx(job: OnnxExportJob): Promise<OnnxExport> {
  await checkVacantFolder(job.out);
  const model = await loadModel(job.model);
  const { rope } = model.spec;
  const table = await exportTable(job, rope);
  const tables = table === null ? ownTables(rope, job.model) : factorTables(rope, table);
  const contextLength = table === null ? rope.maxPositionEmbeddings : table.targetLength;
  const files = await writeOnnxFolder(model, {
    out: job.out,
    config: table === null ? model.config : configWithLongrope(model.config, rope.geometry, table),
    rope: tables,
    contextLength,
    dtype: job.dtype,
    logits: job.logits,
    maxShardBytes: job.maxShardBytes,
    progress: new ExportProgress(job.onProgress, job.signal),
  });
  return {
    format: 'longrope-export-onnx/1',
    version: programVersion(),
    model: job.model,
    out: job.out,
    dtype: job.dtype,
    logits: job.logits,
    rope: table === null ? null : describeTable(job.rope, table),
    contextLength,
    files,
    notes: notes(tables, job),
  };
}

function factorTables(
  { geometry }: RopeSpec,
  { short, long, attentionFactor, originalLength }: LongropeTable,
): OnnxRope {
  const rope = (factors: ArrayLike<number>) => rescaledRope(geometry, { factors, attentionFactor, startTokens: 0 });
  return { short: rope(short), long: rope(long), originalLength };
}

function ownTables({ geometry, scaling, originalLength, maxPositionEmbeddings }: RopeSpec, name: string): OnnxRope {
  if (scaling.type === 'dynamic')
    throw new UserError('unsupported', {
      where: `${name}: rope_scaling`,
      expected: 'RoPE with one or two tables, which a graph can hold',
      found: 'dynamic, which has another for every length',
      fix: 'give factors with --rope, or use transformers, which reads it',
    });
  const at = (length: number) => resolveRope(geometry, scaling, length);
  if (scaling.type !== 'longrope' || maxPositionEmbeddings <= originalLength) return { all: at(originalLength) };
  return { short: at(originalLength), long: at(maxPositionEmbeddings), originalLength };
}

function notes(rope: OnnxRope, { dtype, logits }: OnnxExportJob): string[] {
  const lines: string[] = [];
  if (!('all' in rope)) {
    const { originalLength } = rope;
    lines.push(
      `the long table is used from ${originalLength + 1} tokens on, for the whole run. A generation that starts below and passes it keeps the keys of its cache as the short table turned them (transformers does the same), ${
        rereads(originalLength)
          ? 'except in onnxruntime-genai, which reads the sequence anew there'
          : `so start it with more than ${originalLength} tokens, or give the model its context anew there`
      }`,
    );
  }
  if (dtype === 'float16') lines.push('weights are stored as float16 and computed with as float32');
  if (logits === 'all')
    lines.push('logits of every token of a prompt are computed: --logits last saves their memory with long prompts');
  return lines;
}
