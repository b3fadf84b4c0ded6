export {
  ALGORITHM_NAMES,
  type AlgorithmName,
  createAlgorithm,
  isReleased,
  keepsUsualAttention,
  searchesStartTokens,
} from './algorithms/registry.js';
export { type Budget, parseBudget, type Spending } from './budget.js';
export { candidateJson } from './candidate.js';
export { checkBudget } from './check-budget.js';
export { runSearch } from './driver.js';
export { nearestWord } from './hyperparameters.js';
export { type ModelObjectiveOptions, modelObjective } from './model-objective.js';
export {
  type DocumentLoss,
  type EvaluateOptions,
  type LossRequest,
  type Objective,
  tokenWeightedLoss,
} from './objective.js';
export { documentRows, keyTokenRows, type ObjectiveMeasure, type ScoredRow } from './objectives/measures.js';
export { meanLoss, type WeightedLength } from './objectives/passes.js';
export { type ShortLimit, shortRise } from './objectives/short-limit.js';
export {
  MEASURE_NAMES,
  type MeasureName,
  type ObjectiveTerm,
  PERPLEXITY_ALONE,
  parseObjective,
} from './objectives/terms.js';
export { type Contradiction, contradictions } from './option-rules.js';
export type { SearchOptions, SearchProgress } from './options.js';
export { type CommandObjectiveOptions, openCommandObjective } from './outside/command-objective.js';
export { type FunctionObjectiveOptions, functionObjective } from './outside/function-objective.js';
export type { OutsideObjective } from './outside/outside-objective.js';
export { pullPenalty } from './pull.js';
export { checkRacing, parseRacing, type Racing, racingSettings } from './racing-options.js';
export { type FrontEntry, type GenerationSummary, type Score, type SearchResult, score } from './result.js';
export {
  type FrozenSet,
  multiplierProblem,
  multiply,
  type Parts,
  SecondInterpolation,
  secondBaselines,
} from './second-interpolation.js';
export { baselineCandidates, type NamedCandidate, unscaledCandidate } from './seeding/seeds.js';
export { startCandidates } from './seeding/starts.js';
export type * from './types.js';
