export { type Answered, type Asked, askQuestion, encodeQuestion, sharedHeader } from './ask.js';
export { checkChoices } from './check-choices.js';
export { DEFAULT_SEED, drawExamples } from './few-shot.js';
export { type LoadedTasks, loadTasks, type TaskSelection } from './load-tasks.js';
export { contextOf, continuationsOf } from './prompt.js';
export { promptsHash } from './prompts-hash.js';
export { PythonRandom } from './python-random.js';
export type { BenchmarkTask, Question } from './question.js';
export { type BenchmarkGroup, type BenchmarkResult, groupResults, taskResult } from './results.js';
