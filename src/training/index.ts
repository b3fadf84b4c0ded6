export { type AdamSettings, adamwUpdate } from './adamw.js';
export { Batches, type BatchOptions, type NamedSequence } from './batches.js';
export { checkpointName, checkpointSteps, readCheckpoint, type TrainerState, writeCheckpoint } from './checkpoint.js';
export { FINETUNE_DEFAULTS } from './defaults.js';
export { clip, globalNorm } from './gradient-sum.js';
export { initialWeights } from './initial-weights.js';
export { type LengthShare, lengthBuckets, withShortWindows } from './length-mix.js';
export { type EvaluationEntry, isEvaluation, type LogEntry, type TrainingEntry } from './log.js';
export { LoraOptimizer, type LoraSettings, loraTensors, weightsOfGradients } from './lora.js';
export { checkTrainingMemory, computesHalves, type TrainingSize, trainingMemory } from './memory.js';
export { type MuonSettings, muonUpdate, type Orthogonalize } from './muon.js';
export {
  isDecayed,
  isHiddenMatrix,
  OPTIMIZERS,
  Optimizer,
  type OptimizerName,
  type OptimizerSettings,
  type Shapes,
  type WeightUpdater,
} from './optimizer.js';
export { type PackingOptions, packRows, type Row, type Segment } from './packing.js';
export { skippedPositions, standIns } from './positions.js';
export { type Bucket, RowOrder } from './row-order.js';
export { learningRateAt, SCHEDULES, type Schedule, type ScheduleName, warmupStepsOf } from './schedule.js';
export { type StepProgress, type TrainingOptions, train } from './train.js';
export { type ValidationOptions, validate } from './validation.js';
