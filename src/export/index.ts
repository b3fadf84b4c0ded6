export { ENCODED_TYPES, type EncodedType } from './encode/index.js';
export {
  compareWithIntent,
  ENGINES,
  type Engine,
  type EngineRope,
  findTraps,
  type Intent,
  intentOf,
  type RopeSource,
  type Trap,
  type Verdict,
} from './engines/index.js';
export { type GgufFileOptions, type WrittenGguf, writeGgufFile } from './gguf/export-file.js';
export { type GgufRope, longropeGguf, ownRopeGguf } from './gguf/rope.js';
export {
  CONFIG_PROFILES,
  type ConfigProfile,
  configWithLongrope,
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
  hasDefaultAttention,
  type LongropeTable,
  type LongropeTableOptions,
  longropeTable,
  type NamedSet,
} from './longrope-table.js';
export { ExportProgress } from './progress.js';
