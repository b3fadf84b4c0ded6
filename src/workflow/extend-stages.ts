import path from 'node:path';
import { isRopeMethod } from '../evaluation/index.js';
import type { Recipe, StageJob, StageOutcome, StageRunners } from '../extension/index.js';
import { loadModel } from '../model/index.js';
import type { Json } from '../run/index.js';
import type { Device } from '../runtime/index.js';
import { evaluatePerplexityJob } from './evaluate-perplexity.js';
import { evaluatePasskey } from './evaluate-retrieval.js';
import { evaluateRuler } from './evaluate-ruler.js';
import type { EvaluationTarget } from './evaluation-job.js';
import { exportGguf } from './export-gguf.js';
import { exportHf, type HfExportJob } from './export-hf.js';
import { readFactors } from './export-rope.js';
import { exists, isFolder, modelFiles } from './extend-files.js';
import { finetuneStage } from './extend-finetune.js';
import { readjustStage, searchStage } from './extend-search.js';
import { pathsOf, type RecipeDocuments, textSelection, tokenizerOf } from './extend-texts.js';
import { RESULT_NAME } from './read-records.js';

/** What all stages of a run share. */
export interface StageContext extends RecipeDocuments {
  readonly recipe: Recipe;
  /** Of the base model, unless the recipe names another. */
  readonly tokenizerPath: string;
  /** Stage -> folder of the checkpoint that was trained elsewhere. */
  readonly checkpoints: ReadonlyMap<string, string>;
  /** Results of training depend on it in their last bits. */
  readonly trainingThreads: number;
  readonly device?: Device;
  readonly workers?: number;
  readonly threads?: number;
  /** The command that reproduces the run. */
  readonly command: string;
}

export function stageRunners(context: StageContext): StageRunners {
  return {
    search: (job) => searchStage(job, context),
    finetune: (job) => finetuneStage(job, context),
    readjust: (job) => readjustStage(job, context),
    evaluate: (job) => evaluateStage(job, context),
    export: (job) => exportStage(job, context),
  };
}

async function evaluateStage(job: StageJob<'evaluate'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress, signal } = job;
  const { perplexity, passkey, ruler } = stage;
  const parts = [perplexity, passkey, ruler].filter((part) => part !== undefined).length;
  let finished = 0;
  const target = (name: string): EvaluationTarget => ({
    model: pathOf(stage.model),
    ...tokenizerOf(context.recipe),
    methods: stage.rope.map((rope) => (isRopeMethod(rope) ? rope : { name: rope, rope: pathOf(rope) })),
    out: path.join(folder, name),
    command: context.command,
    ...(context.device !== undefined && { device: context.device }),
    ...(context.workers !== undefined && { workers: context.workers }),
    ...(context.threads !== undefined && { threads: context.threads }),
    onProgress: (done, total, detail) => onProgress(finished + done / total, parts, `${name}, ${detail}`),
    ...(signal && { signal }),
  });
  const figures: Record<string, Json> = {};
  if (perplexity !== undefined) {
    const record = await evaluatePerplexityJob(target('perplexity'), {
      texts: pathsOf(context.recipe, perplexity.texts),
      lengths: perplexity.lengths,
      ...{ protocol: 'document', stride: 1, truncate: false, maxTokens: null, bos: true },
      // The same documents at every length.
      textOptions: textSelection(context, perplexity.texts, Math.max(...perplexity.lengths)),
    });
    figures['perplexity'] = record.results.map(({ method, length, perplexity: value }) => ({
      method,
      length,
      perplexity: value,
    }));
    finished++;
  }
  if (passkey !== undefined) {
    const { lengths, trials, seed } = passkey;
    const settings = { lengths, trials, seed, bos: true, policy: 'once', protocol: 'paper' } as const;
    const record = await evaluatePasskey(target('passkey'), settings);
    figures['passkey'] = record.results.map(({ method, length, trials: asked }) => ({
      method,
      length,
      found: asked.filter(({ correct }) => correct).length,
      of: asked.length,
    }));
    finished++;
  }
  if (ruler !== undefined) {
    const { lengths, samples, seed, tasks } = ruler;
    const record = await evaluateRuler(target('ruler'), {
      ...{ lengths, samples, seed, haystack: 'moby-dick', bos: true, policy: 'once' },
      ...(tasks && { tasks }),
    });
    figures['ruler'] = record.results.map(({ method, length, task, samples: asked }) => ({
      method,
      length,
      task,
      score: asked.reduce((sum, { score }) => sum + score, 0) / asked.length,
    }));
  }
  return { outputs: Object.keys(figures).map((name) => `${name}/${RESULT_NAME}`), figures };
}

async function exportStage(job: StageJob<'export'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress, signal } = job;
  const model = pathOf(stage.model);
  const tokenizer = await tokenizerBeside(model, context.recipe);
  const shared = { model, onProgress, force: true, ...(signal && { signal }) };
  const { rope, short, factorSets } = await factorFiles(job, context);
  if (stage.to === 'gguf') {
    const out = path.join(folder, 'model.gguf');
    const type =
      stage.dtype === undefined ? null : ({ float32: 'F32', float16: 'F16', bfloat16: 'BF16' } as const)[stage.dtype];
    const other = tokenizer !== undefined && { tokenizerPath: tokenizer };
    await exportGguf({ ...shared, rope, out, type, tokenizer: true, ...other });
    return { outputs: ['model.gguf'], figures: {} };
  }
  const { notes } = await exportHf({
    ...shared,
    rope,
    ...(short !== undefined && { short }),
    factorSets,
    ...(tokenizer !== undefined && { tokenizer }),
    out: path.join(folder, 'model'),
    weights: 'copy',
    engines: ['transformers'],
    ...(stage.dtype !== undefined && { dtype: stage.dtype }),
  });
  return { outputs: await modelFiles(folder, 'model'), figures: { notes } };
}

/** The recipe's tokenizer, or that of the base where a trainer elsewhere left none beside its checkpoint; undefined: the checkpoint's own. */
async function tokenizerBeside(model: string, { tokenizer, model: base }: Recipe): Promise<string | undefined> {
  if (tokenizer !== undefined || !(await isFolder(model, 'a model'))) return tokenizer;
  return (await exists(path.join(model, 'tokenizer.json'), 'a tokenizer')) ? undefined : base;
}

/** The longest set becomes the long list, the one that serves the original length the short one, the others the side file. */
async function factorFiles(
  { stage, pathOf, folderOf }: StageJob<'export'>,
  { recipe }: StageContext,
): Promise<{ readonly rope: string; readonly short?: string } & Pick<HfExportJob, 'factorSets'>> {
  if (stage.factors !== undefined) return { rope: pathOf(stage.factors), factorSets: [] };
  const name = stage.sets as string;
  const sets = recipe.stages.find((other) => other.name === name);
  if (sets?.stage !== 'readjust') throw new Error(`${name} is no readjust stage`);
  const { rope: spec } = (await loadModel(pathOf(stage.model))).spec;
  const readjusted = sets.lengths.map((length) => ({
    length,
    path: path.join(folderOf(name), `${length}`, 'factors.json'),
  }));
  const long = await Promise.all(
    sets.with.map(async (factors) => ({ length: await targetOf(pathOf(factors), spec), path: pathOf(factors) })),
  );
  const all = [...readjusted, ...long].sort((a, b) => a.length - b.length);
  const longest = all.at(-1)!;
  // None of them is for less than the original length.
  const short = all[0]!;
  return {
    rope: longest.path,
    short: short.path,
    factorSets: all.filter((set) => set !== longest && set.length !== spec.originalLength),
  };
}

async function targetOf(file: string, spec: Parameters<typeof readFactors>[1]): Promise<number> {
  return (await readFactors(file, spec, '--rope')).set.targetLength as number;
}
