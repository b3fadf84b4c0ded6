/**
 * The one view model behind the terminal tables, the JSON twin and the HTML page. It is pure data: whoever ran something
 * fills it in, and every rendering reads it. A section is a list of panels, empty when there is nothing to say, so that
 * several models or factor sets fit side by side; curves are lists of named series.
 */
import { z } from 'zod';
import { checkConsistency } from './consistency.js';
import { benchmarkPanelSchema, retrievalPanelSchema, rulerPanelSchema } from './evaluation-panels.js';
import { objectiveFrontSchema } from './objective-front.js';

const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();

/** A measured number; null = not finite (a model output that overflowed), shown as infinity. z.number() refuses NaN and infinities. */
const figureSchema = z.number().nullable();
const countSchema = z.number().int().nonnegative();
const positiveSchema = z.number().positive();

const methodSchema = z
  .strictObject({
    name: z.string().min(1),
    /** `unscaled` = the model as trained; `baseline` = closed forms and published sets; `searched` = what the run found, drawn bold. */
    kind: z.enum(['unscaled', 'baseline', 'searched']),
    description: z.string().optional(),
  })
  .readonly();

const inputSchema = z
  .strictObject({
    /** What it is: model, tokenizer, text, factors. */
    label: z.string(),
    /** File or data-set name as the user gave it. */
    name: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 in lower-case hex'),
    detail: z.string().optional(),
  })
  .readonly();

const keyFigureSchema = z
  .strictObject({ label: z.string(), value: z.string(), detail: z.string().optional() })
  .readonly();

const factorPanelSchema = z
  .strictObject({
    subject: z.string(),
    rotaryPairs: countSchema.positive(),
    originalLength: countSchema.positive(),
    targetLength: countSchema.positive(),
    theta: positiveSchema,
    /** First pair whose period is longer than the original length, ceil(rotaryPairs * log_theta(L / 2 pi)); null when there is none. */
    criticalDimension: countSchema.nullable(),
    series: list(
      z
        .strictObject({
          name: z.string(),
          /** One rescale factor per rotary pair, fastest first. */
          factors: list(positiveSchema),
          attentionFactor: positiveSchema,
          startTokens: countSchema,
        })
        .readonly(),
    ),
  })
  .readonly();

const searchPanelSchema = z
  .strictObject({
    subject: z.string(),
    /** Tokens per document during the search. */
    length: countSchema.positive(),
    runs: list(
      z
        .strictObject({
          /** The method this run produced. */
          name: z.string(),
          algorithm: z.string(),
          points: list(
            z
              .strictObject({
                /** Documents evaluated so far, this candidate included. */
                documents: countSchema,
                /** Tokens evaluated so far. */
                tokens: countSchema,
                /** nats per token. */
                loss: figureSchema,
                /** Lowest loss so far. */
                best: figureSchema,
              })
              .readonly(),
          ),
          stopReasons: z.record(z.string(), z.json()).readonly(),
          /**
           * The method itself on all search documents, without what candidates were compared by beside the loss, and all that was spent: points
           * are of single generations, on some of the documents. null in reports of earlier versions.
           */
          found: z
            .strictObject({ loss: figureSchema, documents: countSchema, tokens: countSchema })
            .readonly()
            .nullable()
            .default(null),
        })
        .readonly(),
    ),
    /** Losses of the other methods on the same documents. */
    baselines: list(z.strictObject({ name: z.string(), loss: figureSchema }).readonly()),
    /** Of an objective of several parts. */
    front: objectiveFrontSchema.nullable().default(null),
  })
  .readonly();

const intervalSchema = z.strictObject({ low: figureSchema, high: figureSchema }).readonly();

const perplexityPanelSchema = z
  .strictObject({
    subject: z.string(),
    /** What `perplexity` is: of all tokens, or LongPPL, of those that need the long context. */
    measure: z.enum(['perplexity', 'LongPPL']).default('perplexity'),
    /** One sentence: which protocol, which texts, what is counted. */
    protocol: z.string(),
    /** Of the intervals, e.g. 0.95. */
    confidence: z.number().gt(0).lt(1),
    lengths: list(countSchema.positive()),
    series: list(
      z
        .strictObject({
          name: z.string(),
          points: list(
            z
              .strictObject({
                length: countSchema.positive(),
                perplexity: figureSchema,
                /** Over documents, Student t; null with one of them. */
                interval: intervalSchema.nullable(),
                /** Over documents, bootstrap (BCa); null with fewer than five of them. */
                bootstrap: intervalSchema.nullable().default(null),
                tokens: countSchema,
                documents: countSchema,
              })
              .readonly(),
          ),
        })
        .readonly(),
    ),
    /** Perplexity of `name` divided by that of `against` on the same documents: paired, so much sharper than two intervals side by side. */
    comparisons: list(
      z
        .strictObject({
          name: z.string(),
          against: z.string(),
          length: countSchema.positive(),
          ratio: figureSchema,
          interval: intervalSchema.nullable(),
          documents: countSchema,
        })
        .readonly(),
    ),
  })
  .readonly();

const lossPanelSchema = z
  .strictObject({
    subject: z.string(),
    length: countSchema.positive(),
    /** Ascending token positions; bucket i is [edges[i], edges[i + 1]). */
    bucketEdges: list(countSchema),
    /** nats per token, one per bucket. */
    series: list(z.strictObject({ name: z.string(), loss: list(figureSchema) }).readonly()),
  })
  .readonly();

export const reportViewSchema = z
  .strictObject({
    format: z.literal('longrope-report/1'),
    title: z.string().min(1),
    /** Program and version. */
    generatedBy: z.string(),
    /** What reproduces the report: one command, or one a line. */
    command: z.string(),
    /** ISO 8601; left out where two equal runs should give equal bytes. */
    createdAt: z.iso.datetime({ offset: true }).optional(),
    /** Every name used by a series, in drawing order; fixes colours and what is compared with what. */
    methods: list(methodSchema),
    inputs: list(inputSchema),
    summary: list(keyFigureSchema),
    factors: list(factorPanelSchema),
    searches: list(searchPanelSchema),
    perplexity: list(perplexityPanelSchema),
    lossByPosition: list(lossPanelSchema),
    retrieval: list(retrievalPanelSchema).default([]),
    ruler: list(rulerPanelSchema).default([]),
    benchmarks: list(benchmarkPanelSchema).default([]),
    notes: list(z.string()),
  })
  .readonly()
  .superRefine((view, context) => {
    for (const { path, message } of checkConsistency(view)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  });

/** A measured number; null = not finite. */
export type Figure = z.infer<typeof figureSchema>;
export type Interval = z.infer<typeof intervalSchema>;
export type Method = z.infer<typeof methodSchema>;
export type ReportInput = z.infer<typeof inputSchema>;
export type KeyFigure = z.infer<typeof keyFigureSchema>;
export type FactorPanel = z.infer<typeof factorPanelSchema>;
export type SearchPanel = z.infer<typeof searchPanelSchema>;
export type PerplexityPanel = z.infer<typeof perplexityPanelSchema>;
export type LossPanel = z.infer<typeof lossPanelSchema>;
export type ReportView = z.infer<typeof reportViewSchema>;

/** Whether two reports name the same file with the same content for the same purpose. */
export function isSameInput(a: ReportInput, b: ReportInput): boolean {
  return a.label === b.label && a.name === b.name && a.sha256 === b.sha256;
}

/** Brings a computed number into the view model: infinities and NaN become null. */
export function toFigure(value: number): Figure {
  return Number.isFinite(value) ? value : null;
}
