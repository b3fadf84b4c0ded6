export * from './benchmarks/index.js';
export { comparePerplexity, type MethodPerplexity } from './perplexity/compare.js';
export { evaluatePerplexity, type PerplexityResult } from './perplexity/perplexity.js';
export { PROTOCOL_NAMES, type Protocol, windowsOf } from './perplexity/protocol.js';
export { type EvaluationKind, type EvaluationRecord, evaluationRecordSchema, type RecordOf } from './records/record.js';
export { parseRopeMethod, ROPE_SYNTAX, type RopeMethod } from './rope-method.js';
export { pairedRatio, ratioInterval, ratioMean } from './statistics.js';
