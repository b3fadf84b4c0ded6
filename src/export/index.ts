export { ENCODED_TYPES, type EncodedType } from './encode/index.js';
export {
  compareWithIntent,
  ENGINES,
  type Engine,
  type EngineRope,
  findTraps,
  type GgufSource,
  type Intent,
  intentOf,
  type RopeSource,
  TRAP_IDS,
  type Trap,
  type TrapId,
  type ValueOrigin,
  type Verdict,
} from './engines/index.js';
export { ggufTarget } from './gguf/architecture.js';
export { type GgufFileOptions, type WrittenGguf, writeGgufFile } from './gguf/export-file.js';
export { type GgufRope, longropeGguf, ownRopeGguf } from './gguf/rope.js';
export { tokenizerEntries } from './gguf/tokenizer-entries.js';
export {
  CONFIG_PROFILES,
  type ConfigProfile,
  configWithLongrope,
  defaultProfile,
  HF_ENGINES,
  type HfEngine,
  longropeConfig,
  RECOMPUTING_ENGINES,
} from './hf/config.js';
export { configJson } from './hf/config-json.js';
export { HF_DTYPES, type HfDtype, type HfFolderOptions, writeHfFolder } from './hf/export-folder.js';
export { FACTOR_SETS_NAME, factorSetsJson, type LengthSet } from './hf/factor-sets.js';
export { type PlacedFile, WEIGHT_MODES, type WeightMode } from './hf/weights.js';
export {
  defaultAttentionFactor,
  foreignSet,
  hasDefaultAttention,
  type LongropeTable,
  type LongropeTableOptions,
  longropeTable,
  type NamedSet,
  ownTable,
} from './longrope-table.js';
export {
  ONNX_DTYPES,
  type OnnxDtype,
  type OnnxFolderOptions,
  type OnnxRope,
  writeOnnxFolder,
} from './onnx/export-folder.js';
export { rereads } from './onnx/genai-config.js';
export { ExportProgress } from './progress.js';
export {
  TRAINING_ENGINES,
  type TrainingEngine,
  type TrainingEngineName,
  type TrainingPlan,
  type TrainingRequest,
} from './training/engine.js';
export { type TrainingFolderOptions, writeTrainingFolder } from './training/export-folder.js';
export { HANDOFF_NAME, type Handoff, readHandoff } from './training/handoff-file.js';
export { trainingEngines } from './training/index.js';
export { layerClass } from './training/layer-class.js';
export { restoredTable } from './training/restore.js';
export type { TrainerSettings } from './training/trainer-settings.js';
