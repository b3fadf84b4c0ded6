export { type DemoOptions, demo, TINY_MODEL } from './demo.js';
export { type BenchmarkJob, type BenchmarkRecord, evaluateBenchmark } from './evaluate-benchmark.js';
export { evaluatePerplexityJob, type PerplexitySettings } from './evaluate-perplexity.js';
export { evaluateNeedle, evaluatePasskey, type NeedleGrid, type PasskeySettings } from './evaluate-retrieval.js';
export { evaluateRuler, type RulerSettings } from './evaluate-ruler.js';
export { type SearchJob, type SearchOutcome, searchModel } from './search-model.js';
export { readTexts, type TextSelection } from './texts.js';
export { type TokenizeCommandOptions, type TokenizeCommandResult, tokenizeCommand } from './tokenize.js';
