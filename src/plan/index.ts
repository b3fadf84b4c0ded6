export {
  FORWARD_PASSES,
  forwardFlops,
  LORA_PASSES,
  type Passes,
  type SequenceFlops,
  TRAINING_PASSES,
  totalFlops,
  visiblePairs,
} from './flops.js';
export { chooseGpu, DEFAULT_GPU, GPU_NAMES, type Gpu, type GpuWish, gpuSeconds, gpusFor } from './gpu.js';
export {
  cacheBytes,
  cacheBytesPerToken,
  logitsBytes,
  servingBytes,
  trainingActivationBytes,
  trainingStateBytes,
} from './memory.js';
export { type OriginalLength, originalLength } from './original-length.js';
export { countParameters, type ParameterCount } from './parameters.js';
export type { ModelShape } from './shape.js';
export { fitSpeed, type Measurement, machineSeconds, type Speed, sequenceSeconds } from './speed.js';
export { type WorkCost, workCost } from './stage-cost.js';
export { doublings, LARGEST_RATIO, longrope2Tuning, recommendStages, type Stage, type Work } from './stages.js';
export {
  longropeSettings,
  type SettingsRequest,
  SHARD_HAZARD,
  type ToolSettings,
  yarnSettings,
} from './tool-settings.js';
