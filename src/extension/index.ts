export { parseRecipe } from './parse-recipe.js';
export type { Recipe, RecipeTexts, Stage, StageKind, StageOf } from './recipe.js';
export { BASE, isClosedForm } from './references.js';
export {
  type RecipeRun,
  runRecipe,
  type StageJob,
  type StageOutcome,
  type StageRunners,
} from './run-recipe.js';
export type { StageRecord } from './stage-record.js';
export { type StageWork, stageWork } from './work.js';
