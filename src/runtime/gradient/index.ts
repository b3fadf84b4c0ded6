export type { Wanted } from '../../graph/index.js';
export { type GradientConfig, GradientEngine, type LossGradient } from './gradient-engine.js';
export { readWeights } from './read-weights.js';
export type { Weights } from './step.js';
