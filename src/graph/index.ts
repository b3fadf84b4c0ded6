export { buildDecoder, type CacheOutputs } from './decoder.js';
export * from './gradient/index.js';
export { buildLogitsHead, buildLossHead } from './head.js';
export { buildLayer } from './layer.js';
export { WeightTable } from './weights.js';
