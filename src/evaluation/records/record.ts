import { z } from 'zod';
import { benchmarkGroupSchema, benchmarkResultSchema } from './benchmark.js';
import { sha256Schema } from './figures.js';
import { longPerplexityResultSchema } from './long-perplexity.js';
import { perplexityResultSchema } from './perplexity.js';
import { retrievalResultSchema } from './retrieval.js';
import { RULER_THRESHOLD, rulerResultSchema } from './ruler.js';

/** What every evaluation says about itself: enough to reproduce it, and to see whether two can be compared. */
const header = {
  format: z.literal('longrope-evaluation/1'),
  /** Of this program. */
  version: z.string(),
  engine: z.string(),
  /** One command that reproduces the file. */
  command: z.string(),
  /** `path` as the user gave it; reports call a model by the last part of it. */
  model: z.strictObject({ path: z.string(), sha256: sha256Schema, originalLength: z.int().positive() }),
  tokenizer: z.strictObject({ path: z.string(), sha256: sha256Schema }),
  /** Of the methods that are files. */
  factorFiles: z.array(z.strictObject({ method: z.string(), path: z.string(), sha256: sha256Schema })).default([]),
  /** What was asked: texts, benchmark files, the judge of key tokens. */
  inputs: z.array(
    z.strictObject({ label: z.string(), name: z.string(), sha256: sha256Schema, detail: z.string().optional() }),
  ),
  /** One sentence: what was asked, what was counted. */
  protocol: z.string(),
  notes: z.array(z.string()),
};

/**
 * The JSON twin of every `evaluate` command and the input of `report` and `evaluate gate`: one file, one kind of evaluation,
 * one model, one or several RoPE methods (`method`, as `--rope` spells it). Numbers that are not finite are null.
 */
export const evaluationRecordSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...header, kind: z.literal('perplexity'), results: z.array(perplexityResultSchema) }),
  z.strictObject({ ...header, kind: z.literal('longppl'), results: z.array(longPerplexityResultSchema) }),
  z.strictObject({ ...header, kind: z.literal('passkey'), results: z.array(retrievalResultSchema) }),
  z.strictObject({ ...header, kind: z.literal('needle'), results: z.array(retrievalResultSchema) }),
  z.strictObject({
    ...header,
    kind: z.literal('ruler'),
    /** Average that a length has to reach to count as effective, 0 to 100. */
    threshold: z.number().positive().default(RULER_THRESHOLD),
    results: z.array(rulerResultSchema),
  }),
  z.strictObject({
    ...header,
    kind: z.literal('benchmark'),
    results: z.array(benchmarkResultSchema),
    groups: z.array(benchmarkGroupSchema),
  }),
]);

export type EvaluationRecord = z.infer<typeof evaluationRecordSchema>;
export type EvaluationKind = EvaluationRecord['kind'];
export type RecordOf<Kind extends EvaluationKind> = Extract<EvaluationRecord, { kind: Kind }>;
