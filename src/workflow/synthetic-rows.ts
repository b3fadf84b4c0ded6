import {
  type Haystack,
  RowRefused,
  type RowRequest,
  type SyntheticRow,
  type SyntheticTask,
  type Tokenizer,
} from '../corpus/index.js';
import { type Problem, UserError } from '../errors.js';
import { type AnsweredRow, answerRows, type RopeMethod, type SwitchPolicy } from '../evaluation/index.js';
import { type RunFolder, resumeItems } from '../run/index.js';
import type { EvaluationTarget, OpenEvaluation } from './evaluation-job.js';

/** Rows that are asked of every method. */
export interface SyntheticPlan {
  readonly tokenizer: Tokenizer;
  readonly tasks: readonly SyntheticTask[];
  readonly lengths: readonly number[];
  /** Rows of each task and length. */
  readonly trials: number;
  readonly seed: number;
  readonly haystack: Haystack;
  readonly policy: SwitchPolicy;
}

/** Some rows of one task and length under one method: what is computed as one batch and journaled as one entry. */
export interface RowBatch {
  readonly method: RopeMethod;
  readonly task: SyntheticTask;
  readonly length: number;
  readonly from: number;
  readonly to: number;
}

export interface AnsweredBatch extends RowBatch {
  readonly rows: readonly AnsweredRow[];
}

/** Tokens of one batch at most. Follows from the length alone: neither cores nor memory may change what a run consists of. */
const BATCH_TOKENS = 8192;
const BATCH_ROWS = 5;
/** Up to here all rows are made before the model is loaded, beyond only the first of tasks that keep to the length. */
export const CHECKED_LENGTH = 4096;

/** Greedy answers of every method to every row, resumable; `finish` gets them in the order method, length, task, trial. */
export async function answerPlan(
  plan: SyntheticPlan,
  { methods, openEngine }: OpenEvaluation,
  { onProgress, signal }: Pick<EvaluationTarget, 'onProgress' | 'signal'>,
  folder: RunFolder,
  finish: (batches: readonly AnsweredBatch[], file: (name: string) => string) => Promise<void>,
): Promise<AnsweredBatch[]> {
  const longest = checkRows(plan);
  const items = batches(plan, methods);
  const engine = await openEngine({
    maxLength: longest,
    cacheTokens: Math.max(longest, ...items.map(({ length, from, to }) => length * (to - from))),
    maxWorkers: items.length,
  });
  const answered = (results: readonly (readonly AnsweredRow[])[]) =>
    items.map((item, i) => ({ ...item, rows: results[i] as readonly AnsweredRow[] }));
  const results = await resumeItems<RowBatch, AnsweredRow[]>(
    folder,
    {
      items,
      key: ({ method, task, length, from, to }) => `${method.name}/${length}/${task.name}/${from}-${to}`,
      parallel: engine.workers,
      cost: ({ length, from, to }) => length * (to - from),
      evaluate: async ({ method, task, length, from, to }, stop) => {
        const rows = fittingRows(plan, task, length, from, to);
        const answers = await answerRows(
          rows,
          { engine, tokenizer: plan.tokenizer, method, policy: plan.policy },
          stop,
        );
        return rows.map(({ id, depth, promptIds, expected }, i) => ({
          id,
          depth,
          promptTokens: promptIds.length,
          expected,
          answer: answers[i] as string,
        }));
      },
      ...(onProgress && {
        onProgress: (done: number, total: number, { method, task, length }: RowBatch) =>
          onProgress(done, total, `${task.name}, ${method.name} at ${length}`),
      }),
      ...(signal && { signal }),
    },
    async (found, file) => finish(answered(found), file),
  );
  return answered(results);
}

function batches({ tasks, lengths, trials }: SyntheticPlan, methods: readonly RopeMethod[]): RowBatch[] {
  const all: RowBatch[] = [];
  for (const method of methods)
    for (const length of lengths)
      for (const task of tasks) {
        const size = Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_TOKENS / length)));
        for (let from = 0; from < trials; from += size)
          all.push({ method, task, length, from, to: Math.min(from + size, trials) });
      }
  return all;
}

function rowsOf(
  { tokenizer, seed, haystack }: Pick<SyntheticPlan, 'tokenizer' | 'seed' | 'haystack'>,
  task: SyntheticTask,
  length: number,
  from: number,
  to: number,
): SyntheticRow[] {
  return Array.from({ length: to - from }, (_, i) =>
    task.row({ tokenizer, length, seed, haystack, trial: from + i } satisfies RowRequest),
  );
}

/** Of long rows only the first were made beforehand; the others differ by a few tokens. */
function fittingRows(plan: SyntheticPlan, task: SyntheticTask, length: number, from: number, to: number) {
  try {
    return rowsOf(plan, task, length, from, to);
  } catch (error) {
    if (!(error instanceof RowRefused)) throw error;
    throw new UserError('input', { where: `${task.name} at --length ${length}`, ...error.problem }, { cause: error });
  }
}

/** Names every task and length that a row does not fit, before anything is loaded; returns the tokens of the longest row. */
export function checkRows(plan: Omit<SyntheticPlan, 'policy'>): number {
  let longest = 0;
  const problems: Problem[] = [];
  for (const length of plan.lengths)
    for (const task of plan.tasks) {
      const made = length <= CHECKED_LENGTH || task.exceedsLength ? plan.trials : 1;
      let worst: RowRefused | undefined;
      for (let trial = 0; trial < made; trial++)
        try {
          for (const { promptIds, answerTokens } of rowsOf(plan, task, length, trial, trial + 1))
            longest = Math.max(longest, promptIds.length + answerTokens);
        } catch (error) {
          if (!(error instanceof RowRefused)) throw error;
          if (worst === undefined || error.missingTokens > worst.missingTokens) worst = error;
        }
      if (worst !== undefined) problems.push({ where: `${task.name} at --length ${length}`, ...worst.problem });
    }
  if (problems.length > 0) throw new UserError('input', problems);
  return longest;
}

/** For protocols. */
export function howGenerated({ tokenizer, seed, policy }: SyntheticPlan): string {
  const table =
    policy === 'once'
      ? 'rotary table chosen once, for prompt and answer together'
      : 'rotary table chosen at every token, everything computed anew where it changes';
  return `greedy; ${tokenizer.bosTokenId === null ? 'no BOS' : 'BOS first'}; seed ${seed}; ${table}`;
}

/** The tokenizer of prompts: `bos` puts its BOS in front, if it has one. */
export function promptTokenizer({ tokenizer }: OpenEvaluation, bos: boolean): Tokenizer {
  return bos ? tokenizer : { ...tokenizer, bosTokenId: null };
}
