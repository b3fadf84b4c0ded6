export { ALGORITHM_NAMES, type AlgorithmName, createAlgorithm } from './algorithms/registry.js';
export { type Budget, parseBudget, type Spending } from './budget.js';
export { runSearch, type SearchOptions, type SearchProgress } from './driver.js';
export { type ModelObjectiveOptions, modelObjective } from './model-objective.js';
export {
  type DocumentLoss,
  type EvaluateOptions,
  type LossRequest,
  type Objective,
  tokenWeightedLoss,
} from './objective.js';
export type { GenerationSummary, Score, SearchResult } from './result.js';
export { baselineCandidates, type NamedCandidate } from './seeds.js';
export type * from './types.js';
