export { buildDecoder, type CacheOutputs } from './decoder.js';
export { buildLogitsHead, buildLossHead } from './head.js';
export { WeightTable } from './weights.js';
