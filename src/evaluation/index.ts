export * from './benchmarks/index.js';
export { type GateLimits, type GateRow, runGate } from './gate/gate.js';
export { type Condition, type Measure, measuresOf, methodsOf } from './gate/measures.js';
export { answerRows } from './generation/answer.js';
export type { AnsweredRow } from './generation/answered-row.js';
export { ropeStages, SWITCH_POLICIES, type SwitchPolicy } from './generation/rope-stages.js';
export { countFound, firstNumber } from './generation/score.js';
export {
  type DocumentSums,
  documentSums,
  KEY_TOKEN_RULE,
  type KeyTokenRule,
  keyTokens,
  longPerplexityResult,
} from './longppl/long-perplexity.js';
export { type JudgedWindows, judgedProtocol, markKeyTokens } from './longppl/mark-key-tokens.js';
export { comparePerplexity, type MethodPerplexity } from './perplexity/compare.js';
export {
  evaluatePerplexity,
  type LossEngine,
  type PerplexityResult,
} from './perplexity/perplexity.js';
export { PROTOCOL_NAMES, type Protocol, type Window, windowsOf } from './perplexity/protocol.js';
export { documentWeights, perplexityRecordResult } from './records/perplexity.js';
export { type EvaluationKind, type EvaluationRecord, evaluationRecordSchema, type RecordOf } from './records/record.js';
export type { RetrievalTrial } from './records/retrieval.js';
export { RULER_THRESHOLD } from './records/ruler.js';
export { type RetrievalScoring, scoreTrial } from './retrieval/score-trial.js';
export { isRopeMethod, parseRopeMethod, ROPE_METHODS, ROPE_SYNTAX, type RopeMethod } from './rope-method.js';
export {
  effectiveLengths,
  type RulerAverage,
  rulerAverages,
  taskScore,
} from './ruler/effective-length.js';
export { type BootstrapOptions, bootstrapInterval } from './statistics/bootstrap.js';
export { comparePaired, holm, type PairedComparison, signTest } from './statistics/paired.js';
export { expInterval, pairedRatio, ratioInterval, ratioMean } from './statistics/ratio.js';
export { wilcoxonGreater, wilcoxonSignedRank } from './statistics/wilcoxon.js';
export { wilsonInterval } from './statistics/wilson.js';
