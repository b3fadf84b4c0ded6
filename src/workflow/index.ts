export { type DemoOptions, demo, TINY_MODEL } from './demo.js';
export { evaluatePerplexityJob, type PerplexityJob, type PerplexityReport } from './evaluate-perplexity.js';
export { exportGguf, type GgufExport, type GgufExportJob } from './export-gguf.js';
export { exportHf, type HfExport, type HfExportJob } from './export-hf.js';
export type { ExportedRope, ExportRopeOptions } from './export-rope.js';
export { type SearchJob, type SearchOutcome, searchModel } from './search-model.js';
export { readTexts, type TextSelection } from './texts.js';
export { type TokenizeCommandOptions, type TokenizeCommandResult, tokenizeCommand } from './tokenize.js';
