export * from './corpus/index.js';
export { describeProblem, type ErrorKind, EXIT_CODES, type Problem, UserError } from './errors.js';
export * from './evaluation/index.js';
export * from './export/index.js';
export {
  parseRecipe,
  type Recipe,
  type RecipeRun,
  runRecipe,
  type StageJob,
  type StageOutcome,
  type StageRecord,
  type StageRunners,
} from './extension/index.js';
export * from './model/index.js';
export * from './report/index.js';
export * from './rope/index.js';
export {
  DEVICES,
  type Device,
  ENGINE_VERSION,
  type Engine,
  type EngineOptions,
  engineName,
  type GradientConfig,
  GradientEngine,
  type GradientSequence,
  type LossGradient,
  Orthogonalizer,
  openEngine,
  readWeights,
  type SequenceGradient,
  type Wanted,
  type Weights,
} from './runtime/index.js';
export * from './search/index.js';
export * from './training/index.js';
export * from './workflow/index.js';
