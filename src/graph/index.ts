export { buildCausalLm, type CausalLmOptions, type RotaryTensors } from './causal-lm.js';
export { buildDecoder, type CacheOutputs } from './decoder.js';
export * from './gradient/index.js';
export { buildLogitsHead, buildLossHead } from './head.js';
export { lowRankGradient, lowRankSum } from './low-rank.js';
export { newtonSchulz } from './newton-schulz.js';
export type { ExternalBytes } from './onnx-builder.js';
export { type GraphTarget, givenInput } from './sequence-inputs.js';
export { WeightTable } from './weights.js';
