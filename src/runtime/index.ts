export { DecoderEngine, type EngineConfig, type LogitsRequest, type LossRequest } from './decoder-engine.js';
export { type EngineOptions, openEngine } from './open-engine.js';
export { type Engine, openPool } from './pool.js';
export { ENGINE_VERSION } from './session.js';
