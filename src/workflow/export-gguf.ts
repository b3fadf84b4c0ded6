import { UserError } from '../errors.js';
import {
  type EncodedType,
  ExportProgress,
  longropeGguf,
  ownRopeGguf,
  type WrittenGguf,
  writeGgufFile,
} from '../export/index.js';
import { loadModel } from '../model/index.js';
import type { ReportProgress } from '../run/index.js';
import { describeTable, type ExportedRope, type ExportRopeOptions, exportTable } from './export-rope.js';
import { programVersion } from './version.js';

export interface GgufExportJob extends ExportRopeOptions {
  readonly model: string;
  readonly out: string;
  readonly force: boolean;
  /** null keeps the types of the source. */
  readonly type: EncodedType | null;
  readonly tokenizer: boolean;
  /** Another tokenizer than the model's own. */
  readonly tokenizerPath?: string;
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** The JSON twin of `export gguf`. */
export interface GgufExport extends WrittenGguf {
  readonly format: 'longrope-export-gguf/1';
  readonly version: string;
  readonly model: string;
  readonly out: string;
  /** null: the model's own RoPE, as it was. */
  readonly rope: ExportedRope | null;
  readonly notes: readonly string[];
}

/** `longrope export gguf`: one file for llama.cpp, with the factors as tensors. */
export async function exportGguf(job: GgufExportJob): Promise<GgufExport> {
  if (!/\.gguf$/i.test(job.out))
    throw new UserError('usage', { where: '--out', expected: 'a name that ends with .gguf', found: job.out });
  const model = await loadModel(job.model);
  const table = await exportTable(job, model.spec.rope);
  const own = () =>
    model.checkpoint.format === 'gguf' ? null : ownRopeGguf(model.spec.rope, `${job.model}: rope_parameters`);
  const written = await writeGgufFile(model, {
    out: job.out,
    force: job.force,
    type: job.type,
    rope: table === null ? own() : longropeGguf(table),
    tokenizer: job.tokenizer,
    ...(job.tokenizerPath !== undefined && { tokenizerPath: job.tokenizerPath }),
    progress: new ExportProgress(job.onProgress, job.signal),
  });
  const notes = [
    ...(table === null
      ? []
      : [
          `llama.cpp uses the long factors when its context (-c, divided by the parallel slots) is above ${table.originalLength}, else the short ones`,
        ]),
    ...(written.fallbacks.length === 0
      ? []
      : [`rows of ${written.fallbacks.length} matrices are no multiple of 32 wide: written as F16`]),
  ];
  return {
    format: 'longrope-export-gguf/1',
    version: programVersion(),
    model: job.model,
    out: job.out,
    rope: table === null ? null : describeTable(job.rope, table),
    ...written,
    notes,
  };
}
