import { concatenatedRows, mixedRows, openTokenizer, type Tokenizer, type TrainingRow } from '../corpus/index.js';
import { UserError } from '../errors.js';
import {
  ExportProgress,
  type HfDtype,
  type LongropeTable,
  type TrainingEngine,
  type TrainingEngineName,
  trainingEngines,
  type WeightMode,
  writeTrainingFolder,
} from '../export/index.js';
import { loadModel } from '../model/index.js';
import type { Model } from '../model/types.js';
import { checkVacantFolder, type ReportProgress } from '../run/index.js';
import { describeTable, type ExportedRope, type ExportRopeOptions, exportTable } from './export-rope.js';
import { readTexts } from './texts.js';
import { programVersion } from './version.js';

export interface TrainingExportJob extends ExportRopeOptions {
  readonly model: string;
  readonly engine: TrainingEngineName;
  readonly out: string;
  /** Texts, or data sets made by `tokenize`. */
  readonly data: readonly string[];
  readonly textField?: string;
  /** Default: the model's own. */
  readonly tokenizer?: string;
  readonly gpus: number;
  readonly weights: Exclude<WeightMode, 'none'>;
  readonly dtype?: HfDtype;
  readonly maxShardBytes: number;
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** The JSON twin of `export training`. */
export interface TrainingExport {
  readonly format: 'longrope-export-training/1';
  readonly version: string;
  readonly model: string;
  readonly engine: TrainingEngineName;
  readonly out: string;
  readonly rope: ExportedRope;
  readonly gpus: number;
  readonly documents: number;
  readonly rows: number;
  readonly rowTokens: number;
  /** Tokens at the end that filled no row. */
  readonly leftOverTokens: number;
  readonly entries: readonly string[];
  /** Shell lines, to run in `out`. */
  readonly launch: readonly string[];
}

/** `longrope export training`: a folder that a trainer starts from, and that takes the checkpoint back. */
export async function exportTraining(job: TrainingExportJob): Promise<TrainingExport> {
  await checkVacantFolder(job.out);
  const model = await loadModel(job.model);
  const table = await exportTable(job, model.spec.rope);
  if (table === null)
    throw new UserError('usage', {
      where: '--rope model',
      expected: 'factors to train with (a factor file, or a closed form such as yarn:4)',
      found: "the model's own RoPE",
    });
  const engine = trainingEngines[job.engine];
  const { spec } = model;
  const problems = engine.check({ spec, table, layerClass: layerClass(model), gpus: job.gpus });
  if (problems.length > 0) throw new UserError('unsupported', problems);
  const tokenizer = await openTokenizer(job.tokenizer ?? job.model);
  checkTokenizer(job, engine, tokenizer, model);
  const { rows, documents, leftOverTokens } = await trainingRows(job, engine, table, tokenizer);
  const plan = { spec, table, layerClass: layerClass(model), gpus: job.gpus, rows: rows.length };
  const entries = await writeTrainingFolder(model, {
    out: job.out,
    name: job.engine,
    engine,
    plan,
    rows,
    tokenizerHash: tokenizer.hash,
    weights: job.weights,
    ...(job.dtype !== undefined && { dtype: job.dtype }),
    maxShardBytes: job.maxShardBytes,
    progress: new ExportProgress(job.onProgress, job.signal),
  });
  return {
    format: 'longrope-export-training/1',
    version: programVersion(),
    model: job.model,
    engine: job.engine,
    out: job.out,
    rope: describeTable(job.rope, table),
    gpus: job.gpus,
    documents,
    rows: rows.length,
    rowTokens: table.targetLength,
    leftOverTokens,
    entries,
    launch: engine.launch(plan),
  };
}

async function trainingRows(
  job: TrainingExportJob,
  engine: TrainingEngine,
  { originalLength, targetLength }: LongropeTable,
  tokenizer: Tokenizer,
): Promise<{ rows: TrainingRow[]; documents: number; leftOverTokens: number }> {
  const documents = await readTexts(job.data, tokenizer, {
    ...(job.textField !== undefined && { textField: job.textField }),
  });
  const options = {
    rowTokens: targetLength,
    bos: tokenizer.addsBos ? tokenizer.bosTokenId : null,
    eos: tokenizer.eosTokenId,
  };
  const rows = [
    ...(engine.rows === 'concatenated'
      ? concatenatedRows(documents, options)
      : mixedRows(documents, { ...options, originalLength })),
  ];
  const around = (options.bos === null ? 0 : 1) + (options.eos === null ? 0 : 1);
  const tokens = documents.reduce((sum, { ids }) => sum + ids.length + around, 0);
  if (rows.length === 0)
    throw new UserError('input', {
      where: job.data.map((path) => `--data ${path}`).join(', '),
      expected: `at least the ${targetLength} tokens of one row${engine.rows === 'mixed' ? ' of short or of long documents' : ''}`,
      found: `${tokens} in ${documents.length} documents`,
      fix: 'give more text',
    });
  return { rows, documents: documents.length, leftOverTokens: tokens - rows.length * targetLength };
}

function checkTokenizer(job: TrainingExportJob, engine: TrainingEngine, tokenizer: Tokenizer, { spec }: Model): void {
  const missing = [
    ...(tokenizer.bosTokenId === null ? ['BOS'] : []),
    ...(tokenizer.eosTokenId === null ? ['EOS'] : []),
  ];
  if (engine.needsBosAndEos === true && missing.length > 0)
    throw new UserError('unsupported', {
      where: `--engine ${job.engine}`,
      expected: 'a tokenizer with BOS and EOS, which its code asserts',
      found: `no ${missing.join(' and no ')}`,
      fix: 'axolotl, llama-factory and hf-trainer can',
    });
  if (tokenizer.vocabularySize > spec.vocabularySize)
    throw new UserError('input', {
      where: job.tokenizer ?? job.model,
      expected: `a tokenizer of at most ${spec.vocabularySize} tokens, the rows of the model's embedding`,
      found: `${tokenizer.vocabularySize}`,
    });
}

/** transformers names the layers of every class after it. */
function layerClass({ config, spec }: Model): string {
  const architectures = config['architectures'];
  const name: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  if (typeof name === 'string' && name.endsWith('ForCausalLM')) return name.replace(/ForCausalLM$/, 'DecoderLayer');
  return `${spec.architecture[0]!.toUpperCase()}${spec.architecture.slice(1)}DecoderLayer`;
}
