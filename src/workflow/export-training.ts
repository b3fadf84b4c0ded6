import {
  concatenatedRows,
  mixedRows,
  openTokenizer,
  type TokenDocument,
  type Tokenizer,
  type TrainingRow,
  withBosAndEos,
} from '../corpus/index.js';
import { UserError } from '../errors.js';
import {
  ExportProgress,
  type HfDtype,
  type LongropeTable,
  layerClass,
  type TrainerSettings,
  type TrainingEngine,
  type TrainingEngineName,
  type TrainingRequest,
  trainingEngines,
  type WeightMode,
  writeTrainingFolder,
} from '../export/index.js';
import { loadModel } from '../model/index.js';
import { checkVacantFolder, type ReportProgress } from '../run/index.js';
import { describeTable, type ExportedRope, type ExportRopeOptions, exportTable } from './export-rope.js';
import { readTexts } from './texts.js';
import { programVersion } from './version.js';
import { checkTokens, checkVocabulary } from './vocabulary.js';

export interface TrainingExportJob extends ExportRopeOptions {
  readonly model: string;
  readonly engine: TrainingEngineName;
  readonly out: string;
  /** Texts, or data sets made by `tokenize`. */
  readonly data: readonly string[];
  readonly textField?: string;
  /** Default: the model's own. */
  readonly tokenizer?: string;
  /** Where the model's own tokenizer lies; default: with the model. */
  readonly ownTokenizer?: string;
  readonly gpus: number;
  /** Tokens of a row; default: as many as the factors are for. */
  readonly rowTokens?: number;
  /** What a recipe asks of the trainer. */
  readonly settings?: TrainerSettings;
  readonly weights: Exclude<WeightMode, 'none'>;
  readonly dtype?: HfDtype;
  /** Of weights that are written anew. */
  readonly maxShardBytes?: number;
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
  const { gpus, rowTokens = table.targetLength, settings = null } = job;
  checkTrainer(job.engine, { spec, gpus, rowTokens }, settings);
  const tokenizerPath = job.tokenizer ?? job.ownTokenizer;
  const tokenizer = await openTokenizer(tokenizerPath ?? job.model);
  checkBoundaryTokens(job.engine, tokenizer);
  if (job.tokenizer !== undefined) checkVocabulary(job.tokenizer, tokenizer, spec);
  const documents = await readTexts(job.data, tokenizer, {
    keepsBos: !tokenizer.addsBos,
    ...(job.textField !== undefined && { textField: job.textField }),
  });
  checkTokens(documents, [tokenizer.bosTokenId, tokenizer.eosTokenId], spec);
  const { rows, leftOverTokens } = trainingRows(job, engine, { ...table, rowTokens }, { tokenizer, documents });
  const plan = { spec, table, layerClass: layerClass(model), gpus, rows: rows.length, rowTokens, settings };
  const entries = await writeTrainingFolder(model, {
    out: job.out,
    name: job.engine,
    engine,
    plan,
    rows,
    tokenizerHash: tokenizer.hash,
    ...(tokenizerPath !== undefined && { tokenizer: tokenizerPath }),
    weights: job.weights,
    ...(job.dtype !== undefined && { dtype: job.dtype }),
    ...(job.maxShardBytes !== undefined && { maxShardBytes: job.maxShardBytes }),
    progress: new ExportProgress(job.onProgress, job.signal),
  });
  return {
    format: 'longrope-export-training/1',
    version: programVersion(),
    model: job.model,
    engine: job.engine,
    out: job.out,
    rope: describeTable(job.rope, table),
    gpus,
    documents: documents.length,
    rows: rows.length,
    rowTokens,
    leftOverTokens,
    entries,
    launch: engine.launch(plan),
  };
}

/** Throws one `UserError` with everything that the trainer cannot do, of which the factors need not be known. */
export function checkTrainer(
  name: TrainingEngineName,
  request: TrainingRequest,
  settings: Pick<TrainerSettings, 'sequences'> | null,
): void {
  const engine = trainingEngines[name];
  const problems = [...engine.check(request)];
  const parallel = engine.parallel(request.gpus);
  if (settings !== null && problems.length === 0 && settings.sequences % parallel !== 0)
    problems.push({
      where: 'per_device_train_batch_size * gradient_accumulation_steps',
      expected: `a multiple of the ${parallel} sequences that ${request.gpus} GPUs compute at a time`,
      found: `${settings.sequences}`,
    });
  if (problems.length > 0) throw new UserError('unsupported', problems);
}

function trainingRows(
  job: TrainingExportJob,
  engine: TrainingEngine,
  { originalLength, rowTokens }: Pick<LongropeTable, 'originalLength'> & Pick<TrainingRequest, 'rowTokens'>,
  { tokenizer, documents }: { readonly tokenizer: Tokenizer; readonly documents: readonly TokenDocument[] },
): { rows: TrainingRow[]; leftOverTokens: number } {
  const options = {
    rowTokens,
    bos: tokenizer.addsBos ? tokenizer.bosTokenId : null,
    eos: tokenizer.eosTokenId,
  };
  const rows = [
    ...(engine.rows === 'concatenated'
      ? concatenatedRows(documents, options)
      : mixedRows(documents, { ...options, originalLength })),
  ];
  const tokens = documents.reduce((sum, { ids }) => sum + withBosAndEos(ids, options).length, 0);
  if (rows.length === 0)
    throw new UserError('input', {
      where: job.data.map((path) => `--data ${path}`).join(', '),
      expected: `at least the ${rowTokens} tokens of one row${engine.rows === 'mixed' ? ' of short or of long documents' : ''}`,
      found: `${tokens} in ${documents.length} documents`,
      fix: 'give more text',
    });
  return { rows, leftOverTokens: tokens - rows.length * rowTokens };
}

/** BOS and EOS, where the trainer's code fails without. */
export function checkBoundaryTokens(name: TrainingEngineName, tokenizer: Tokenizer): void {
  const missing = [
    ...(tokenizer.bosTokenId === null ? ['BOS'] : []),
    ...(tokenizer.eosTokenId === null ? ['EOS'] : []),
  ];
  if (trainingEngines[name].needsBosAndEos === true && missing.length > 0)
    throw new UserError('unsupported', {
      where: `--engine ${name}`,
      expected: 'a tokenizer with BOS and EOS, which its code asserts',
      found: `no ${missing.join(' and no ')}`,
      fix: 'axolotl, llama-factory and hf-trainer can',
    });
}
