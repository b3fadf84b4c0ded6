import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import type { StageJob, StageOf, StageOutcome } from '../extension/index.js';
import { loadModel, type RopeSpec } from '../model/index.js';
import { longropeAttentionFactor } from '../rope/attention-factor.js';
import { formatFactorSets, type LengthFactors } from '../rope/index.js';
import { type Json, writeFileAtomic } from '../run/index.js';
import {
  MEASURE_NAMES,
  type ObjectiveTerm,
  parseBudget,
  racingSettings,
  type SearchResult,
  searchesStartTokens,
} from '../search/index.js';
import { readFactors } from './export-rope.js';
import type { StageContext } from './extend-stages.js';
import { documentsOf, stageTokens } from './extend-texts.js';
import { type SearchJob, searchModel } from './search-model.js';

/** What a search leaves in its folder that others read. */
const SEARCH_FILES = ['factors.json', 'factors.csv', 'result.json'];

export async function searchStage(job: StageJob<'search'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress } = job;
  const { tokenizer } = context;
  const { originalLength } = (await loadModel(pathOf(stage.model))).spec.rope;
  const { result } = await searchModel({
    ...common(job, context, stage.budget),
    documents: documentsOf(context, stage.texts, stageTokens(stage, originalLength)),
    heldOut: stage.held_out === undefined ? [] : documentsOf(context, stage.held_out, stage.target),
    textName: [stage.texts, ...(stage.held_out === undefined ? [] : [stage.held_out])].join(', '),
    targetLength: stage.target,
    ...(stage.lengths && {
      lengths: stage.lengths.map((length, i) => ({ length, weight: stage.length_weights?.[i] ?? 1 })),
    }),
    ...(stage.over !== undefined && { over: pathOf(stage.over) }),
    ...(stage.start && { starts: stage.start.map(pathOf) }),
    ...(stage.max_factor !== undefined && { maxFactor: stage.max_factor }),
    ...(stage.short_limit !== undefined && { shortLimit: stage.short_limit / 100 }),
    ...(stage.start_tokens && { startTokens: stage.start_tokens }),
    hyperparameters: stage.hyperparameters,
    tokenizer,
    out: folder,
    onSearch: onProgress,
  });
  return { outputs: SEARCH_FILES, figures: searchFigures(result) };
}

/** A search per length with a smaller largest factor; with the factors of longer lengths they become one file of sets. */
export async function readjustStage(job: StageJob<'readjust'>, context: StageContext): Promise<StageOutcome> {
  const { stage, folder, pathOf, onProgress } = job;
  const { rope } = (await loadModel(pathOf(stage.model))).spec;
  const { originalLength } = rope;
  const long = await Promise.all(stage.with.map((name) => longSet(pathOf(name), rope, stage.lengths)));
  const longest = long.reduce((most, set) => (set.maxLength > most.maxLength ? set : most));
  const attention =
    longest.attentionFactor ?? longropeAttentionFactor(longest.maxLength / originalLength, originalLength);
  const sets: LengthFactors[] = [];
  const figures: Record<string, Json> = {};
  const outputs = ['sets.json'];
  for (const [index, length] of stage.lengths.entries()) {
    const { result } = await searchModel({
      ...common(job, context, stage.budget),
      documents: documentsOf(context, stage.texts, length),
      heldOut: [],
      textName: stage.texts,
      targetLength: length,
      starts: (stage.start ?? stage.with).map(pathOf),
      maxFactor: stage.max_factor,
      hyperparameters:
        stage.attention === 'own' ? stage.hyperparameters : { ...stage.hyperparameters, attention_factor: attention },
      tokenizer: context.tokenizer,
      out: path.join(folder, `${length}`),
      onSearch: (done, total, detail) =>
        onProgress(index + done / total, stage.lengths.length, `${length} tokens, ${detail}`),
    });
    sets.push({ maxLength: length, ...result.winner.candidate });
    figures[`${length}`] = searchFigures(result);
    outputs.push(...SEARCH_FILES.map((name) => `${length}/${name}`));
  }
  const all = [...sets, ...long].sort((a, b) => a.maxLength - b.maxLength);
  await writeFileAtomic(path.join(folder, 'sets.json'), formatFactorSets({ originalLength, sets: all }));
  return { outputs, figures };
}

/** In the order of the measures, not of the recipe. */
export function objectiveTerms(objective: NonNullable<StageOf<'search'>['objective']>): ObjectiveTerm[] {
  return MEASURE_NAMES.flatMap((measure) => {
    const weight = objective[measure];
    return weight === undefined ? [] : { measure, weight };
  });
}

function common(
  {
    stage,
    pathOf,
    signal,
  }: Pick<StageJob, 'pathOf' | 'signal'> & { readonly stage: StageOf<'search'> | StageOf<'readjust'> },
  { tokenizerPath, device, workers, threads, command }: StageContext,
  budget: string,
): Omit<SearchJob, 'documents' | 'heldOut' | 'textName' | 'targetLength' | 'tokenizer' | 'out'> {
  const { objective, racing } = stage;
  return {
    modelPath: pathOf(stage.model),
    tokenizerPath,
    algorithm: stage.algorithm,
    budget: parseBudget(budget),
    seed: stage.seed,
    ...(stage.pull !== undefined && { pull: stage.pull }),
    ...(objective && { objective: objectiveTerms(objective) }),
    ...(stage.needle_depths && { needleDepths: stage.needle_depths.map((percent) => percent / 100) }),
    ...(stage.judge !== undefined && { judge: pathOf(stage.judge) }),
    // Models of a recipe are one model, trained.
    judgeReadsAlike: true,
    ...(racing && { racing: racingSettings(racing) }),
    foreignStartTokens: foreignStartTokens(stage),
    // Evaluations are stages of their own.
    compare: false,
    command,
    ...(device !== undefined && { device }),
    ...(workers !== undefined && { workers }),
    ...(threads !== undefined && { threads }),
    ...(signal && { signal }),
  };
}

/**
 * Those of files that the user gave have been looked at before the first stage. What an earlier stage found is known only now, and a
 * search that is told which start tokens to try, or has none, begins without.
 */
export function foreignStartTokens(stage: StageOf<'search'> | StageOf<'readjust'>): 'refuse' | 'drop' {
  const isTold = stage.stage === 'search' && stage.start_tokens !== undefined;
  return !isTold && searchesStartTokens(stage.algorithm, stage.hyperparameters) ? 'refuse' : 'drop';
}

async function longSet(file: string, rope: RopeSpec, lengths: readonly number[]): Promise<LengthFactors> {
  const { factors, attentionFactor, startTokens, targetLength } = (await readFactors(file, rope, 'with')).set;
  const problem = longSetProblem(targetLength, lengths);
  if (problem !== null) throw new UserError('input', { where: `${file}: target_length`, ...problem });
  return { maxLength: targetLength as number, factors, attentionFactor, startTokens };
}

/** Why factors for `target` tokens cannot join the sets of `lengths`; null where they can. */
export function longSetProblem(
  target: number | null,
  lengths: readonly number[],
): Pick<Problem, 'expected' | 'found'> | null {
  const most = Math.max(...lengths);
  if (target !== null && target > most) return null;
  return { expected: `a length above those that are readjusted, ${most}`, found: `${target ?? 'none'}` };
}

function searchFigures({ winner, spent, stop, heldOut }: SearchResult): Json {
  return {
    loss: winner.loss,
    attentionFactor: winner.candidate.attentionFactor,
    documents: spent.documents,
    tokens: spent.tokens,
    stop,
    ...(heldOut && {
      heldOut: Object.fromEntries(heldOut.scores.map(({ name, loss }) => [name, Number.isFinite(loss) ? loss : null])),
    }),
  };
}
