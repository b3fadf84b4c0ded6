import { hasTokenizer, openTokenizer, type Tokenizer } from '../corpus/index.js';
import type { Recipe, Stage, StageWork } from '../extension/index.js';
import type { Model } from '../model/index.js';
import { chooseGpu, type Gpu, type GpuWish, type Speed, type WorkCost } from '../plan/index.js';
import { calibrate } from './calibrate.js';
import { checkStages } from './extend-check.js';
import { plannedCost, plannedWork } from './extend-cost.js';
import { type RecipeOverrides, readRecipe } from './extend-recipe.js';
import { readPlanInput } from './plan-input.js';

export interface ExtendPlanJob extends RecipeOverrides {
  readonly recipe: string;
  readonly calibrate: boolean;
  readonly gpu: GpuWish;
  readonly signal?: AbortSignal;
}

export interface PlannedStage extends WorkCost {
  readonly name: string;
  readonly stage: Stage['stage'];
  readonly model: string;
  readonly work: StageWork['work'];
  /** Of a search whose budget is a time, in place of tokens. */
  readonly budgetSeconds: number;
  /** false: at a trainer elsewhere. */
  readonly here: boolean;
}

export interface ExtendPlan {
  readonly format: 'longrope-extend-plan/1';
  readonly recipe: string;
  readonly model: string;
  readonly gpu: Gpu;
  readonly stages: readonly PlannedStage[];
  readonly notes: readonly string[];
}

/** A config.json has none, and a folder need not. */
async function tokenizerOf({ model: path, tokenizer }: Recipe, model: Model | null): Promise<Tokenizer | null> {
  if (tokenizer !== undefined) return openTokenizer(tokenizer);
  return model !== null && (await hasTokenizer(path)) ? openTokenizer(path) : null;
}

function uncounted({ stages }: Recipe): string[] {
  const measuring = stages.flatMap((stage) =>
    stage.stage === 'finetune' && stage.where === 'here' && stage.held_out !== undefined ? stage.name : [],
  );
  if (measuring.length === 0) return [];
  return [`held-out texts of ${measuring.join(', ')} count as one document: a dry run reads no texts`];
}

/** What a recipe will do and cost, in order, before anything runs but a calibration of seconds. A config.json is model enough. */
export async function planExtension(job: ExtendPlanJob): Promise<ExtendPlan> {
  const recipe = await readRecipe(job.recipe, job);
  const gpu = chooseGpu(job.gpu);
  const { spec: shape, model, notes } = await readPlanInput(recipe.model);
  await checkStages({ recipe, spec: shape, model, tokenizer: await tokenizerOf(recipe, model), run: null });
  const works = recipe.stages.map((stage) => plannedWork(stage, recipe, shape, null));
  const all = works.flatMap(({ work, measured }) => [...work, ...measured]);
  const signal = job.signal && { signal: job.signal };
  const calibration =
    job.calibrate && model !== null && all.length > 0
      ? await calibrate(model, {
          target: Math.max(...all.map(({ length }) => length)),
          documents: Math.max(...all.map(({ sequences }) => sequences)),
          ...signal,
        })
      : null;
  const speed: Speed | null = calibration?.speed ?? null;
  return {
    format: 'longrope-extend-plan/1',
    recipe: job.recipe,
    model: recipe.model,
    gpu,
    stages: recipe.stages.map((stage, index) => {
      const planned = works[index] as StageWork;
      const { measured, seconds } = planned;
      const work = [...planned.work, ...measured];
      const { name, model: on } = stage;
      const here = stage.stage !== 'finetune' || stage.where === 'here';
      const cost = plannedCost(planned, { shape, gpu, speed });
      return { name, stage: stage.stage, model: on, work, budgetSeconds: seconds, here, ...cost };
    }),
    notes: [...notes, ...(calibration?.notes ?? []), ...uncounted(recipe)],
  };
}
