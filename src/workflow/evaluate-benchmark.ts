import { UserError } from '../errors.js';
import {
  type Answered,
  type Asked,
  askQuestion,
  type BenchmarkTask,
  beginsWithBos,
  checkChoices,
  contextOf,
  DEFAULT_SEED,
  drawExamples,
  encodeQuestion,
  evaluationRecordSchema,
  groupResults,
  loadTasks,
  promptsHash,
  type RecordOf,
  sharedHeader,
  type TaskSelection,
  taskResult,
} from '../evaluation/index.js';
import { type Json, resumeItems } from '../run/index.js';
import { type EvaluationTarget, type OpenEvaluation, withEvaluation } from './evaluation-job.js';
import { writeEvaluation } from './write-evaluation.js';

export interface BenchmarkJob extends EvaluationTarget, TaskSelection {
  /** Of the draw of the examples; default that of lm-evaluation-harness. */
  readonly seed?: number;
  /** Tokens a model is given at most; default what its config says it takes. */
  readonly maxLength?: number;
}

/** What Python's generator takes as one word. */
const MAX_SEED = 0xffffffff;

export type BenchmarkRecord = RecordOf<'benchmark'>;

/** Everything `evaluate benchmark` does, from paths to a record. */
export async function evaluateBenchmark(job: BenchmarkJob): Promise<BenchmarkRecord> {
  const seed = job.seed ?? DEFAULT_SEED;
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED)
    throw new UserError('usage', { where: '--seed', expected: `0 to ${MAX_SEED}`, found: String(seed) });
  const { tasks, files, notes } = await loadTasks(job);
  return withEvaluation(job, async (evaluation) => {
    const maxLength = job.maxLength ?? evaluation.model.spec.rope.maxPositionEmbeddings;
    const asked = tasks.map((task) => {
      const questions = questionsOf(task, seed);
      return { task, questions, header: sharedHeader(evaluation.tokenizer, maxLength, questions) };
    });
    for (const { questions } of asked) checkChoices(evaluation.tokenizer, maxLength, questions);
    const items = evaluation.methods.flatMap((method) =>
      asked.flatMap(({ questions, header }) => questions.map((question) => ({ ...question, header, method }))),
    );
    const longest = longestSequence(items, evaluation, maxLength);
    const engine = await evaluation.openEngine({
      maxLength: longest,
      // Its choices share what they begin with, which is all that is asked of the engine.
      cacheTokens: longest,
      maxWorkers: items.length,
    });
    const bos = beginsWithBos(evaluation.tokenizer);
    const record = (answers: readonly Answered[]): BenchmarkRecord => {
      const results = evaluation.methods.flatMap(({ name }) =>
        asked.map(({ task, questions }) => {
          const own = answersTo(task, name, items, answers);
          return taskResult(name, task, own, { prompts: promptsHash(questions, own), bos });
        }),
      );
      return {
        ...evaluation.header,
        kind: 'benchmark',
        inputs: files.map(({ path, sha256, questions }) => ({
          label: 'questions',
          name: path,
          sha256,
          detail: `${questions} rows`,
        })),
        protocol: protocolText(seed, maxLength),
        notes: [...notes, ...cutNotes(items, answers, maxLength)],
        results,
        groups: groupResults(results),
      };
    };
    const manifest = {
      ...evaluation.identity,
      kind: 'benchmark',
      data: files.map(({ sha256 }) => sha256),
      tasks: tasks.map(({ name, version, shots, questions }) => [name, version, shots, questions.length]),
      seed,
      maxLength,
    };
    const answers = await resumeItems<Asked, Answered & Json>(
      job.out === undefined ? null : { path: job.out, manifest },
      {
        items,
        key: ({ method, task, question }) => `${method.name}/${task.name}/${question.id}`,
        evaluate: async (item, signal) =>
          (await askQuestion(engine, evaluation.tokenizer, maxLength, item, signal)) as Answered & Json,
        // One more than are computed: its tokens are made while the workers are busy.
        parallel: engine.workers + 1,
        // Characters stand for tokens: the examples of all questions need not be tokenised for it beforehand.
        cost: ({ task, question, examples }) => contextOf(task, question, examples).length,
        onProgress: (done, total, { method, task }) => job.onProgress?.(done, total, `${method.name}, ${task.name}`),
        ...(job.signal && { signal: job.signal }),
      },
      async (done, file) => {
        await writeEvaluation(file, record(done));
      },
    );
    return evaluationRecordSchema.parse(record(answers)) as BenchmarkRecord;
  });
}

function questionsOf(task: BenchmarkTask, seed: number): Omit<Asked, 'method'>[] {
  const draws = drawExamples(task, seed);
  return task.questions.map((question, i) => ({ task, question, examples: draws[i] as readonly number[] }));
}

/** In tokens, of the question with the most characters of each task. */
function longestSequence(items: readonly Asked[], { tokenizer }: OpenEvaluation, maxLength: number): number {
  const longest = new Map<BenchmarkTask, { readonly item: Asked; readonly characters: number }>();
  for (const item of items) {
    const characters = contextOf(item.task, item.question, item.examples).length;
    if (characters > (longest.get(item.task)?.characters ?? 0)) longest.set(item.task, { item, characters });
  }
  const lengths = [...longest.values()].flatMap(({ item }) =>
    encodeQuestion(tokenizer, maxLength, item).map(({ ids }) => ids.length),
  );
  return Math.max(...lengths);
}

function answersTo(
  task: BenchmarkTask,
  method: string,
  items: readonly Asked[],
  answers: readonly Answered[],
): Answered[] {
  return answers.filter((_, i) => items[i]?.task === task && items[i]?.method.name === method);
}

function protocolText(seed: number, maxLength: number): string {
  return `log-likelihood of each choice after the prompt, by the rules of lm-evaluation-harness 0.4.13: acc takes the likeliest choice, acc_norm the likeliest per character, acc of truthfulqa_mc2 is the probability of the right answers; examples drawn with seed ${seed}; at most ${maxLength} tokens, cut on the left; RoPE chosen by the length of each choice's forward pass`;
}

function cutNotes(items: readonly Asked[], answers: readonly Answered[], maxLength: number): string[] {
  const tasks = new Map<string, { questions: number; cut: number; most: number }>();
  for (const [i, { task, method }] of items.entries()) {
    if (method.name !== items[0]?.method.name) continue;
    const count = tasks.get(task.name) ?? { questions: 0, cut: 0, most: 0 };
    const { cut } = answers[i] as Answered;
    tasks.set(task.name, {
      questions: count.questions + 1,
      cut: count.cut + (cut > 0 ? 1 : 0),
      most: Math.max(count.most, cut),
    });
  }
  return [...tasks].flatMap(([name, { questions, cut, most }]) =>
    cut === 0
      ? []
      : [
          `${name}: ${cut} of ${questions} prompts were longer than ${maxLength} tokens and lost up to ${most} on the left`,
        ],
  );
}
