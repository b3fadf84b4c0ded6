import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hashDocuments, openTokenizer } from '../corpus/index.js';
import { configJson, ExportProgress, type HfDtype, type PlacedFile, writeHfFolder } from '../export/index.js';
import { checkFinite, decoderTensors, hashModel, loadModel, loadShape, type Model } from '../model/index.js';
import { type Json, openRunDirectory, type RunDirectory, sha256Json } from '../run/index.js';
import { ENGINE_VERSION, readWeights, refuseUndifferentiable, TrainingGradients } from '../runtime/index.js';
import {
  Batches,
  checkpointName,
  checkTrainingMemory,
  computesHalves,
  type EvaluationEntry,
  initialWeights,
  isEvaluation,
  type LogEntry,
  lengthBuckets,
  type StepProgress,
  type TrainingEntry,
  train,
  validate,
  weightsOfGradients,
  withShortWindows,
} from '../training/index.js';
import { describeTable, type ExportedRope } from './export-rope.js';
import { type FinetuneSettings, type ResolvedFinetune, resolveFinetune, trainingSize } from './finetune-settings.js';
import { finetuneTexts } from './finetune-texts.js';
import { programVersion } from './version.js';
import { openUpdater } from './weight-updater.js';

export interface FinetuneJob extends FinetuneSettings {
  readonly model: string;
  /** Another tokenizer than the model's own. */
  readonly tokenizer?: string;
  /** Where the model's own tokenizer lies; default: with the model. */
  readonly ownTokenizer?: string;
  readonly texts: readonly string[];
  readonly heldOut: readonly string[];
  readonly textField: string;
  /** Default: `textField`. */
  readonly heldOutTextField?: string;
  /** Run folder. */
  readonly out: string;
  /** Of the model that is written at the end; training itself is float32. */
  readonly dtype: HfDtype;
  readonly maxShardBytes: number;
  readonly threads: number;
  /** The command that reproduces the run. */
  readonly command: string;
  readonly onStep?: (progress: StepProgress & { readonly maxSteps: number }) => void;
  readonly signal?: AbortSignal;
}

/** The JSON twin of `finetune`. */
export interface Finetune {
  readonly format: 'longrope-finetune/1';
  readonly version: string;
  readonly command: string;
  readonly model: string;
  readonly out: string;
  /** null: the model's own RoPE, as it was. */
  readonly rope: ExportedRope | null;
  readonly documents: number;
  readonly rows: number;
  readonly steps: number;
  readonly tokens: number;
  readonly log: readonly TrainingEntry[];
  readonly evaluations: readonly EvaluationEntry[];
  /** The trained model, a Hugging Face folder. */
  readonly folder: string;
  readonly files: readonly PlacedFile[];
}

/** `longrope finetune`, from paths to a trained Hugging Face folder in `RUN/model`. */
export async function finetune(job: FinetuneJob): Promise<Finetune> {
  const hearAbort = async () => {
    await nextTurn();
    job.signal?.throwIfAborted();
  };
  const model = await (job.fromScratch ? loadShape : loadModel)(job.model);
  // Better now than after its weights and all texts are read.
  refuseUndifferentiable(model.spec);
  const tokenizer = await openTokenizer(job.tokenizer ?? job.ownTokenizer ?? job.model);
  const evaluates = job.heldOut.length > 0;
  const settings = await resolveFinetune(job, model, { evaluates });
  const { rowTokens, batches } = settings;
  const size = trainingSize(job, model.spec.rope, { rowTokens, evaluates, threads: job.threads });
  checkTrainingMemory(model.spec, size);
  await hearAbort();
  if (!job.fromScratch) await checkFinite(model);
  await hearAbort();
  const { documents, heldOut, bos, eos } = await finetuneTexts(job, settings, model, tokenizer);
  const packing = { rowTokens, bos, eos };
  const byLength = lengthBuckets(documents, settings.lengthMix, packing);
  const { shortWindows } = settings;
  const buckets =
    shortWindows.share === 0 ? byLength : withShortWindows(byLength, documents, { ...packing, ...shortWindows });
  const rows = buckets.reduce((sum, bucket) => sum + bucket.rows.length, 0);
  const schedule = settings.schedule(rows);
  await hearAbort();
  const manifest = {
    kind: 'finetune',
    version: programVersion(),
    engine: ENGINE_VERSION,
    threads: job.threads,
    model: await hashModel(model),
    tokenizer: tokenizer.hash,
    documents: hashDocuments(documents),
    heldOut: hashDocuments(heldOut),
    bos,
    eos,
    // An evaluation opens its windows with one, also where the tokenizer adds none.
    ...(heldOut.length > 0 && bos !== tokenizer.bosTokenId && { heldOutBos: tokenizer.bosTokenId }),
    // Earlier versions put a second one behind such a document.
    ...(documents.some(({ ids }) => eos !== null && ids.at(-1) === eos) && { eosOnce: true }),
    dtype: job.dtype,
    settings: { ...settings.identity, schedule: { ...schedule } },
  } satisfies Json;
  await hearAbort();
  const run = await openRunDirectory(job.out, manifest);
  const opened: { close(): Promise<void> }[] = [run];
  try {
    const engine = await TrainingGradients.create({
      spec: model.spec,
      threads: job.threads,
      wanted: { weights: weightsOfGradients(settings.lora, decoderTensors(model.spec)), tables: false },
      inHalves: computesHalves(model.spec, size),
    });
    opened.push(engine);
    const updater = await openUpdater({
      optimizer: settings.optimizer,
      lora: settings.lora,
      shapes: decoderTensors(model.spec),
      seed: job.seed,
      threads: job.threads,
    });
    opened.push(updater);
    const weights = job.fromScratch ? initialWeights(model.spec, job.seed) : await readWeights(model);
    await hearAbort();
    const log = await train({
      run,
      runHash: sha256Json(manifest),
      spec: model.spec,
      config: configJson({ ...settings.config, dtype: 'float32', torch_dtype: 'float32' }),
      weights,
      gradients: engine,
      optimizer: updater.of(weights),
      batches: new Batches(buckets, batches),
      schedule,
      maxGradNorm: settings.maxGradNorm,
      loggingSteps: job.loggingSteps,
      saveSteps: job.saveSteps,
      saveTotalLimit: job.saveTotalLimit,
      resultBytes:
        [...weights.values()].reduce((sum, { length }) => sum + length, 0) * (job.dtype === 'float32' ? 4 : 2),
      validation:
        heldOut.length === 0
          ? null
          : {
              evalSteps: settings.evalSteps,
              lengths: settings.evalLengths,
              validate: (step) =>
                validate(
                  weights,
                  step,
                  {
                    spec: model.spec,
                    documents: heldOut,
                    bosTokenId: tokenizer.bosTokenId,
                    lengths: settings.evalLengths,
                    rope: settings.servedRope,
                    threads: job.threads,
                    folder: run.path,
                  },
                  job.signal,
                ),
            },
      ...(job.onStep && {
        onStep: (progress: StepProgress) => job.onStep?.({ ...progress, maxSteps: schedule.maxSteps }),
      }),
      ...(job.signal && { signal: job.signal }),
    });
    const files = await writeModel(job, model, settings, run, schedule.maxSteps);
    return outcome(job, settings, log.entries, { documents: documents.length, rows, files });
  } finally {
    for (const one of opened) await one.close();
  }
}

/** The last checkpoint with the config, the type and the tokenizer files of an export. */
async function writeModel(
  job: FinetuneJob,
  model: Model,
  { config }: ResolvedFinetune,
  run: RunDirectory,
  step: number,
): Promise<PlacedFile[]> {
  const { checkpoint, tensors } = await loadModel(run.file(checkpointName(step)));
  const tokenizer = job.tokenizer ?? job.ownTokenizer;
  return writeHfFolder(
    { ...model, checkpoint, tensors },
    {
      out: run.file(MODEL_FOLDER),
      // What a run before has written is the same.
      force: true,
      config,
      weights: 'copy',
      dtype: job.dtype,
      maxShardBytes: job.maxShardBytes,
      ...(tokenizer !== undefined && { tokenizer }),
      extra: new Map(),
      progress: new ExportProgress(undefined, job.signal),
    },
  );
}

const MODEL_FOLDER = 'model';

function outcome(
  job: FinetuneJob,
  { table, rope }: ResolvedFinetune,
  log: readonly LogEntry[],
  counts: Pick<Finetune, 'documents' | 'rows' | 'files'>,
): Finetune {
  const entries = log.filter((entry): entry is TrainingEntry => !isEvaluation(entry));
  const last = entries.at(-1);
  return {
    format: 'longrope-finetune/1',
    version: programVersion(),
    command: job.command,
    model: job.model,
    out: job.out,
    rope: table === null ? null : describeTable(rope, table),
    ...counts,
    steps: last?.step ?? 0,
    tokens: last?.num_input_tokens_seen ?? 0,
    log: entries,
    evaluations: log.filter(isEvaluation),
    folder: path.join(job.out, MODEL_FOLDER),
  };
}
