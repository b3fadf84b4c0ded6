export { ALGORITHM_NAMES, type AlgorithmName, createAlgorithm } from './algorithms/registry.js';
export { type Budget, parseBudget } from './budget.js';
export { runSearch, type SearchOptions, type SearchProgress } from './driver.js';
export { modelObjective, type ModelObjectiveOptions } from './model-objective.js';
export { type Objective, tokenWeightedLoss } from './objective.js';
export { type Score, type SearchResult } from './result.js';
export { baselineCandidates, type NamedCandidate } from './seeds.js';
export type * from './types.js';
