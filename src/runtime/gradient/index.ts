export type { Wanted } from '../../graph/index.js';
export { refuseUndifferentiable, undifferentiable } from './differentiable.js';
export { type GradientConfig, GradientEngine, type LossGradient, type SequenceGradient } from './gradient-engine.js';
export { mayHalve } from './halves.js';
export { readWeights } from './read-weights.js';
export { RopeGradientEngine, type RopeLossGradient } from './rope-gradient-engine.js';
export type { GradientSequence } from './sequence-rows.js';
export type { Weights } from './step.js';
export { TrainingGradients } from './training-gradients.js';
