import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tokenizer } from '../src/corpus/index.js';
import { openTokenizer } from '../src/corpus/index.js';
import { encodeQuestion } from '../src/evaluation/benchmarks/ask.js';
import { continuationsOf } from '../src/evaluation/benchmarks/prompt.js';
import {
  askQuestion,
  type BenchmarkTask,
  contextOf,
  DEFAULT_SEED,
  drawExamples,
  loadTasks,
  parseRopeMethod,
  type RopeMethod,
  taskResult,
} from '../src/evaluation/index.js';
import { loadModel } from '../src/model/index.js';
import { type Engine, openEngine } from '../src/runtime/index.js';
import { check } from './check.js';
import { Exchange, type ParityModel, SHARED, SMOLLM2, TINY } from './models.js';
import { PUBLISHED_QUESTIONS, writePublishedHellaswag } from './published-hellaswag.js';
import { PythonReference } from './python.js';

const DATA = path.join(SHARED, 'data/benchmarks');
/** 200 MMLU questions are 40 of each of five subjects. */
const MMLU = ['anatomy', 'astronomy', 'college_biology', 'high_school_geography', 'world_religions'];
const TASKS: readonly { readonly name: string; readonly shots: number; readonly share: number }[] = [
  { name: 'arc_challenge', shots: 25, share: 1 },
  { name: 'hellaswag', shots: 10, share: 1 },
  ...MMLU.map((subject) => ({ name: `mmlu_${subject}`, shots: 5, share: 1 / MMLU.length })),
  { name: 'truthfulqa_mc1', shots: 0, share: 1 },
  { name: 'truthfulqa_mc2', shots: 0, share: 1 },
];
const QUESTIONS = 200;
/** SmolLM2 takes torch half a minute per ARC question: LONGROPE_PARITY_QUESTIONS=200 for the long form. */
const SMOLLM2_QUESTIONS = Number(process.env['LONGROPE_PARITY_QUESTIONS'] ?? 5);
/** A folder in which answers of the harness with SmolLM2 are kept, so that the long form can be run in several sittings. */
const KEPT_ANSWERS = process.env['LONGROPE_PARITY_ANSWERS'];
const TOLERANCE = 1e-3;
/** No prompt of these tasks is longer with either tokenizer, so that none is cut where prompts are compared. */
const LONGEST_PROMPT = 16_384;

interface Harness {
  readonly samples: readonly {
    readonly context: string;
    readonly continuations: readonly string[];
    readonly tokens: readonly (readonly number[])[];
    /** How many tokens at the end of each are the continuation. */
    readonly scored: readonly number[];
    readonly logLikelihoods: readonly number[];
    readonly scores: Readonly<Record<string, number>>;
  }[];
  readonly metrics: Readonly<Record<string, number>>;
}

let exchange: Exchange;
beforeAll(async () => {
  exchange = await Exchange.open();
});
afterAll(() => exchange?.remove());

async function harness(
  reference: PythonReference,
  task: string,
  shots: number,
  limit: number,
  keepAs?: string,
): Promise<Harness> {
  const kept = KEPT_ANSWERS !== undefined && keepAs !== undefined;
  const output = kept
    ? path.join(KEPT_ANSWERS, `${keepAs}-${task}-${limit}.json`)
    : path.join(exchange.folder, `${task}.json`);
  if (!kept || !existsSync(output)) await reference.ask({ task, shots, limit, output });
  return JSON.parse(await readFile(output, 'utf8')) as Harness;
}

async function load(task: string, shots: number, limit: number): Promise<BenchmarkTask> {
  const { tasks } = await loadTasks({ data: DATA, tasks: [task], shots, limit });
  return tasks[0] as BenchmarkTask;
}

/** Every prompt, choice and token of `limit` questions, whatever the model can take at once. */
async function expectSamePrompts(reference: PythonReference, tokenizer: Tokenizer, task: BenchmarkTask, limit: number) {
  const { samples } = await harness(reference, task.name, task.shots, limit);
  const examples = drawExamples(task, DEFAULT_SEED);
  expect(samples).toHaveLength(limit);
  let tokens = 0;
  task.questions.forEach((question, i) => {
    const asked = { task, question, examples: examples[i] as readonly number[] };
    expect(contextOf(task, question, asked.examples)).toBe(samples[i]?.context);
    expect(continuationsOf(question)).toEqual(samples[i]?.continuations);
    const choices = encodeQuestion(tokenizer, LONGEST_PROMPT, asked);
    expect(choices.map(({ ids }) => [...ids])).toEqual(samples[i]?.tokens);
    expect(choices.map(({ ids, scoreFrom }) => ids.length - scoreFrom)).toEqual(samples[i]?.scored);
    tokens += choices.reduce((sum, { ids }) => sum + ids.length, 0);
  });
  console.log(`${task.name}: ${limit} prompts and their choices equal to the letter, ${tokens} tokens identical`);
}

describe.each([TINY, SMOLLM2])('prompts and tokens of $name are those of lm-evaluation-harness', (parityModel) => {
  let tokenizer: Tokenizer;
  let reference: PythonReference;
  const ask = (data: string) =>
    new PythonReference(
      'reference_benchmarks.py',
      ...[data, parityModel.path, '--tokens-only', '--max-length', String(LONGEST_PROMPT)],
    );
  beforeAll(async () => {
    tokenizer = await openTokenizer(parityModel.path);
    reference = ask(DATA);
  });
  afterAll(() => reference?.close());

  it.each(TASKS)('$name, $shots shots', async ({ name, shots, share }) => {
    const limit = Math.ceil(QUESTIONS * share);
    await expectSamePrompts(reference, tokenizer, await load(name, shots, limit), limit);
  });

  it('hellaswag as it is published, with marks, capitals and letters that Python treats in its own way', async () => {
    const data = path.join(exchange.folder, `published-${parityModel.name}`);
    await writePublishedHellaswag(data);
    const published = ask(data);
    try {
      const { tasks } = await loadTasks({ data, tasks: ['hellaswag'], shots: 10, limit: PUBLISHED_QUESTIONS });
      await expectSamePrompts(published, tokenizer, tasks[0] as BenchmarkTask, PUBLISHED_QUESTIONS);
    } finally {
      published.close();
    }
  });
});

interface Case {
  readonly label: string;
  readonly model: ParityModel;
  readonly questions: number;
  readonly tasks: typeof TASKS;
  /** null: what the config says. */
  readonly maxLength: number | null;
}

const CASES: readonly Case[] = [
  { label: 'tiny, 256 tokens', model: TINY, questions: QUESTIONS, tasks: TASKS, maxLength: null },
  { label: 'tiny, whole prompts', model: TINY, questions: 20, tasks: TASKS.slice(0, 2), maxLength: 8192 },
  { label: 'SmolLM2', model: SMOLLM2, questions: SMOLLM2_QUESTIONS, tasks: TASKS, maxLength: null },
];

describe.each(CASES)('log-likelihoods, $label', ({ model: parityModel, questions, tasks, maxLength }) => {
  let reference: PythonReference;
  let engine: Engine;
  let tokenizer: Tokenizer;
  let method: RopeMethod;
  let limitTokens: number;

  beforeAll(async () => {
    const long = maxLength === null ? [] : ['--max-length', String(maxLength)];
    reference = new PythonReference('reference_benchmarks.py', DATA, parityModel.path, ...long);
    const model = await loadModel(parityModel.path);
    tokenizer = await openTokenizer(parityModel.path);
    method = await parseRopeMethod('model', model.spec.rope);
    limitTokens = maxLength ?? model.spec.rope.maxPositionEmbeddings;
    engine = await openEngine(model, { maxLength: limitTokens, cacheTokens: limitTokens });
  });
  afterAll(async () => {
    reference?.close();
    await engine?.close();
  });

  it.each(tasks)('$name', async ({ name, shots, share }) => {
    const limit = Math.ceil(questions * share);
    const task = await load(name, shots, limit);
    const examples = drawExamples(task, DEFAULT_SEED);
    const answers = await Promise.all(
      task.questions.map((question, i) =>
        askQuestion(engine, tokenizer, limitTokens, {
          method,
          task,
          question,
          examples: examples[i] as readonly number[],
        }),
      ),
    );
    const keepAs = parityModel === SMOLLM2 ? SMOLLM2.name : undefined;
    const { samples, metrics } = await harness(reference, name, shots, limit, keepAs);
    const difference = Math.max(
      ...samples.flatMap(({ logLikelihoods }, i) =>
        logLikelihoods.map((value, choice) => Math.abs(value - (answers[i]?.logLikelihoods[choice] as number))),
      ),
    );
    check(`${name}, ${limit} questions, ${parityModel.name}: log-likelihoods`, difference, TOLERANCE);
    const ours = taskResult('model', task, answers, { prompts: null, bos: null });
    for (const metric of ['acc', 'acc_norm'].filter((key) => key in metrics)) {
      const { value, standardError } = ours.metrics[metric] as { value: number; standardError: number | null };
      // mc2 is a mean of probabilities; accuracies are counts and equal exactly.
      expect(Math.abs(value - (metrics[metric] as number)), metric).toBeLessThan(name.endsWith('mc2') ? 1e-4 : 1e-12);
      const theirs = metrics[`${metric}_stderr`];
      if (theirs !== undefined && standardError !== null)
        expect(Math.abs(standardError - theirs), `${metric} standard error`).toBeLessThan(1e-4);
      console.log(
        `  ${metric} ${value.toFixed(4)}, standard error ${standardError?.toFixed(4) ?? '-'}; harness ${metrics[metric]?.toFixed(4)}`,
      );
    }
  });
});
