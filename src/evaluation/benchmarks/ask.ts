import type { Tokenizer } from '../../corpus/types.js';
import type { ResolvedRope } from '../../rope/types.js';
import { canonicalJson } from '../../run/index.js';
import type { Engine } from '../../runtime/pool.js';
import { toFigure } from '../records/figures.js';
import type { RopeMethod } from '../rope-method.js';
import { type EncodedChoice, encodeChoices } from './encode.js';
import { contextOf, continuationsOf } from './prompt.js';
import type { BenchmarkTask, Question } from './question.js';

/** A question with its examples, to be asked under one method. */
export interface Asked {
  readonly method: RopeMethod;
  readonly task: BenchmarkTask;
  readonly question: Question;
  /** Indices into the task's pool. */
  readonly examples: readonly number[];
  /** Tokens with which all questions of the task begin (`sharedHeader`); a worker computes them once. */
  readonly header?: Int32Array;
}

/** What is kept of an asked question. */
export interface Answered {
  /** Summed log-probability of each choice, nats; null = not finite. */
  readonly logLikelihoods: readonly (number | null)[];
  /** Most tokens that a choice's sequence lost on the left. */
  readonly cut: number;
}

export function encodeQuestion(tokenizer: Tokenizer, maxLength: number, asked: Omit<Asked, 'method'>): EncodedChoice[] {
  const { task, question, examples } = asked;
  const context = contextOf(task, question, examples);
  return encodeChoices(
    tokenizer,
    context,
    continuationsOf(question),
    maxLength,
    `${task.name}, question ${question.id}`,
  );
}

/** Below this, keeping what questions share saves less than it costs. */
const LEAST_HEADER = 32;

/**
 * The tokens that the questions of a task share: their examples where these are always the same (MMLU), a fixed prompt
 * (TruthfulQA), or nothing. Found from the first and the last question; others are held against it when they are asked.
 */
export function sharedHeader(
  tokenizer: Tokenizer,
  maxLength: number,
  questions: readonly Omit<Asked, 'method'>[],
): Int32Array {
  const [first, last] = [questions[0], questions.at(-1)];
  if (first === undefined || last === undefined || first === last) return new Int32Array(0);
  const [a, b] = [first, last].map((asked) => encodeQuestion(tokenizer, maxLength, asked)[0] as EncodedChoice);
  const [ids, others] = [(a as EncodedChoice).ids, (b as EncodedChoice).ids];
  let length = 0;
  while (length < Math.min(ids.length, others.length) - 1 && ids[length] === others[length]) length++;
  return length < LEAST_HEADER ? new Int32Array(0) : ids.slice(0, length);
}

function beginsWith({ ids }: EncodedChoice, header: Int32Array): boolean {
  return ids.length > header.length + 1 && header.every((id, i) => ids[i] === id);
}

/**
 * Asks a model one question: the log-likelihood of every choice. The rotary table is chosen as transformers chooses it,
 * by the number of tokens of each choice's own forward pass (the last token is not fed); choices with the same table share
 * what they begin with.
 */
export async function askQuestion(
  engine: Engine,
  tokenizer: Tokenizer,
  maxLength: number,
  asked: Asked,
  signal?: AbortSignal,
): Promise<Answered> {
  const choices = encodeQuestion(tokenizer, maxLength, asked);
  const logLikelihoods: number[] = [];
  for (const { rope, members } of byTable(choices, asked.method)) {
    const sequences = members.map((index) => choices[index] as EncodedChoice);
    const { header } = asked;
    const headerLength =
      header !== undefined && sequences.every((sequence) => beginsWith(sequence, header)) ? header.length : 0;
    const losses = await engine.continuationLosses({ sequences, rope, headerLength }, signal);
    members.forEach((index, i) => {
      logLikelihoods[index] = -(losses[i] as Float32Array).reduce((sum, loss) => sum + loss, 0);
    });
  }
  return { logLikelihoods: logLikelihoods.map(toFigure), cut: Math.max(...choices.map(({ cut }) => cut)) };
}

interface SameTable {
  readonly rope: ResolvedRope;
  readonly members: number[];
}

function byTable(choices: readonly EncodedChoice[], method: RopeMethod): Iterable<SameTable> {
  const tables = new Map<string, SameTable>();
  for (const [index, { ids }] of choices.entries()) {
    const rope = method.resolve(ids.length - 1);
    const key = canonicalJson([[...rope.inverseFrequency], rope.attentionFactor, rope.startTokens]);
    const same = tables.get(key);
    if (same === undefined) tables.set(key, { rope, members: [index] });
    else same.members.push(index);
  }
  return tables.values();
}
