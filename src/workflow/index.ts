export { type DemoOptions, demo, TINY_MODEL } from './demo.js';
export { type BenchmarkJob, type BenchmarkRecord, evaluateBenchmark } from './evaluate-benchmark.js';
export { evaluatePerplexityJob, type PerplexityJob, type PerplexityReport } from './evaluate-perplexity.js';
export { type SearchJob, type SearchOutcome, searchModel } from './search-model.js';
export { readTexts, type TextSelection } from './texts.js';
export { type TokenizeCommandOptions, type TokenizeCommandResult, tokenizeCommand } from './tokenize.js';
