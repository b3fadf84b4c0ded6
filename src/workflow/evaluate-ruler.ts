import { RULER_TASK_NAMES, RULER_TASKS } from '../corpus/index.js';
import { UserError } from '../errors.js';
import { countFound, type RecordOf, RULER_THRESHOLD, type SwitchPolicy } from '../evaluation/index.js';
import { type EvaluationTarget, withEvaluation } from './evaluation-job.js';
import { openHaystack } from './haystacks.js';
import { defaultLengths } from './lengths.js';
import { type AnsweredBatch, answerPlan, howGenerated, promptTokenizer } from './synthetic-rows.js';
import { writeEvaluation } from './write-evaluation.js';

export interface RulerSettings {
  /** Default: the original length and its doublings up to the model's maximum. */
  readonly lengths?: readonly number[];
  /** Names of `RULER_TASKS`; default all. */
  readonly tasks?: readonly string[];
  /** Per task and length. */
  readonly samples: number;
  /** What stands for RULER's essays and gives its words: `moby-dick`, `sentences` or a path. */
  readonly haystack: string;
  readonly seed: number;
  /** Average that a length has to reach to count as effective, 0 to 100; default RULER's own. */
  readonly threshold?: number;
  readonly policy: SwitchPolicy;
  /** Put BOS in front of prompts, if the tokenizer has one. */
  readonly bos: boolean;
}

/** `evaluate ruler`, from paths to its record. */
export async function evaluateRuler(target: EvaluationTarget, settings: RulerSettings): Promise<RecordOf<'ruler'>> {
  const { samples, seed, policy, tasks: names = RULER_TASK_NAMES, threshold = RULER_THRESHOLD } = settings;
  refuseUnknown(names);
  return withEvaluation(target, async (evaluation) => {
    const { haystack, input } = await openHaystack(settings.haystack, evaluation.tokenizer, true);
    const lengths = [...(settings.lengths ?? defaultLengths(evaluation.model.spec.rope))];
    const plan = {
      tokenizer: promptTokenizer(evaluation, settings.bos),
      tasks: RULER_TASKS.filter(({ name }) => names.includes(name)),
      lengths,
      trials: samples,
      haystack,
      seed,
      policy,
    };
    const recordOf = (batches: readonly AnsweredBatch[]): RecordOf<'ruler'> => ({
      ...evaluation.header,
      kind: 'ruler',
      inputs: input === null ? [] : [input],
      protocol: `RULER, ${plan.tasks.length} of its 13 tasks (${plan.tasks.map(({ name }) => name).join(', ')}), ${samples} samples per task and length, ${haystack.name} in place of its essays and word lists, no chat template, prompt and answer together exactly the length; score: share of the expected strings in the answer, whatever the case; ${howGenerated(plan)}`,
      notes: notesOf(plan.tasks.length, lengths),
      threshold,
      results: resultsOf(batches),
    });
    const manifest = {
      ...evaluation.identity,
      kind: 'ruler',
      lengths,
      tasks: plan.tasks.map(({ name }) => name),
      samples,
      seed,
      policy,
      bos: plan.tokenizer.bosTokenId,
      haystack: input?.sha256 ?? haystack.name,
    };
    const folder = target.out === undefined ? null : { path: target.out, manifest };
    return recordOf(
      await answerPlan(plan, evaluation, target, folder, async (batches, file) =>
        writeEvaluation(file, recordOf(batches)),
      ),
    );
  });
}

function refuseUnknown(names: readonly string[]): void {
  const unknown = names.filter((name) => !RULER_TASK_NAMES.includes(name));
  if (unknown.length > 0)
    throw new UserError('usage', {
      where: '--tasks',
      expected: RULER_TASK_NAMES.join(', '),
      found: unknown.join(', '),
    });
}

function notesOf(tasks: number, lengths: readonly number[]): string[] {
  const notes = [
    `The average is over ${tasks} tasks; RULER's published averages, and its threshold of ${RULER_THRESHOLD}, are over 13, with two of question answering.`,
  ];
  if (lengths.some((length) => length < 4096))
    notes.push(
      'Below 4096 tokens answers get less room than in RULER, and below 1024 vt and cwe go without their solved example.',
    );
  return notes;
}

/** One result per method, length and task. */
function resultsOf(batches: readonly AnsweredBatch[]): RecordOf<'ruler'>['results'] {
  const results: RecordOf<'ruler'>['results'] = [];
  for (const { method, length, task, rows } of batches) {
    const samples = rows.map(({ id, promptTokens, expected, answer }) => ({
      id,
      promptTokens,
      expected: [...expected],
      answer,
      score: countFound(answer, expected) / expected.length,
    }));
    const last = results.at(-1);
    if (last?.method === method.name && last.length === length && last.task === task.name)
      last.samples.push(...samples);
    else results.push({ method: method.name, length, task: task.name, samples });
  }
  return results;
}
