export { DecoderEngine, type EngineConfig } from './decoder-engine.js';
export { DEVICES, type Device } from './device.js';
export * from './gradient/index.js';
export { LowRank } from './low-rank.js';
export { type EngineOptions, openEngine } from './open-engine.js';
export { Orthogonalizer } from './orthogonalizer.js';
export { type Engine, openPool } from './pool.js';
export type * from './requests.js';
export { ENGINE_VERSION, engineName } from './session.js';
