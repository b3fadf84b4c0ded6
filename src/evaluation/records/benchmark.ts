import { z } from 'zod';
import { countSchema, figureSchema, sha256Schema } from './figures.js';

/** One multiple-choice task (a subject of MMLU counts as one) under one method. */
export const benchmarkResultSchema = z.strictObject({
  method: z.string(),
  /** arc_challenge, hellaswag, mmlu_<subject>, truthfulqa_mc1, truthfulqa_mc2 */
  task: z.string(),
  /** `mmlu` for its subjects, else the task itself: what results are added up to. */
  group: z.string(),
  shots: countSchema,
  /** sha256 over all prompts, and over how many tokens each lost on the left; null in records of before it was kept. */
  prompts: sha256Schema.nullable().default(null),
  /** Whether a BOS stood in front of them, of which a tokenizer's hash says nothing; null in records of before it was kept. */
  bos: z.boolean().nullable().default(null),
  /** The metric that leaderboards quote, a key of `metrics`. */
  headline: z.string(),
  /** acc, acc_norm ...: mean over questions and its standard error as lm-evaluation-harness gives it. */
  metrics: z.record(z.string(), z.strictObject({ value: figureSchema, standardError: figureSchema })),
  samples: z.array(
    z.strictObject({
      /** Identity of the question in its file; pairs results of two models. */
      id: z.string(),
      /** Index of the right choice; for mc2 the first right one. */
      gold: countSchema,
      /** Sum of token log-probabilities per choice, nats. */
      logLikelihoods: z.array(figureSchema),
      /** Per metric, what this question adds to the mean. */
      scores: z.record(z.string(), figureSchema),
    }),
  ),
});

const meanSchema = z.strictObject({ value: figureSchema, standardError: figureSchema });

/** What the tasks of one group come to under one method; only for groups of several tasks. */
export const benchmarkGroupSchema = z.strictObject({
  method: z.string(),
  group: z.string(),
  /** Of every task in the group. */
  metric: z.string(),
  tasks: countSchema,
  questions: countSchema,
  /** Mean over questions, as lm-evaluation-harness reports it. */
  weighted: meanSchema,
  /** Mean of the tasks' means, as the Open LLM Leaderboard had it. */
  plain: meanSchema,
});
