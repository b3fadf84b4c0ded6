export { findLlamaCpp, llamaCppVersion, openLlamaCpp } from './llama-cpp.js';
export {
  type EngineName,
  type ExpectedTable,
  type PlannedPass,
  planLlamaCpp,
  planTransformers,
  type TableRule,
} from './plan.js';
export {
  type Agreement,
  agreement,
  llamaCppTolerance,
  type Observation,
  observe,
  type Probe,
  probeOf,
  TOLERANCE,
  type Tolerance,
} from './probe.js';
export { runTransformers, transformersVersion } from './python.js';
export { transformersScript } from './transformers-script.js';
