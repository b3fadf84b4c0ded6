import { z } from 'zod';

/** Panels of evaluations beyond perplexity. As in view-model.ts: pure data, every name used by a series is a declared method. */
const list = <Item extends z.ZodType>(item: Item) => z.array(item).readonly();
const figure = z.number().nullable();
const count = z.int().nonnegative();
const interval = z.strictObject({ low: figure, high: figure }).readonly();
const head = {
  subject: z.string(),
  /** One sentence: what was asked, what counts as right. */
  protocol: z.string(),
  /** Of the intervals, e.g. 0.95. */
  confidence: z.number().gt(0).lt(1),
};

export const retrievalPanelSchema = z
  .strictObject({
    ...head,
    title: z.string(),
    lengths: list(count.positive()),
    /** Depths of the needle, from the start of the text to its end, as they are written. */
    depths: list(z.string()),
    series: list(
      z
        .strictObject({
          name: z.string(),
          cells: list(
            z
              .strictObject({
                length: count.positive(),
                /** Index into `depths`. */
                depth: count,
                hits: count,
                trials: count.positive(),
              })
              .readonly(),
          ),
          /** All depths together; intervals after Wilson. */
          totals: list(
            z.strictObject({ length: count.positive(), hits: count, trials: count.positive(), interval }).readonly(),
          ),
        })
        .readonly(),
    ),
  })
  .readonly();

export const rulerPanelSchema = z
  .strictObject({
    ...head,
    lengths: list(count.positive()),
    tasks: list(z.string()),
    /** Score that an average has to reach for its length to count as effective. */
    threshold: z.number(),
    series: list(
      z
        .strictObject({
          name: z.string(),
          /** null: no length reaches the threshold */
          effectiveLength: count.positive().nullable(),
          /** 0 to 100, each task counts alike. */
          averages: list(z.strictObject({ length: count.positive(), score: z.number() }).readonly()),
          cells: list(
            z
              .strictObject({
                task: z.string(),
                length: count.positive(),
                score: z.number(),
                samples: count.positive(),
                interval,
              })
              .readonly(),
          ),
        })
        .readonly(),
    ),
  })
  .readonly();

export const benchmarkPanelSchema = z
  .strictObject({
    ...head,
    tasks: list(
      z.strictObject({ name: z.string(), metric: z.string(), shots: count, questions: count.positive() }).readonly(),
    ),
    series: list(
      z
        .strictObject({
          name: z.string(),
          /** In points of 100; `standardError` as lm-evaluation-harness gives it. */
          scores: list(z.strictObject({ task: z.string(), score: figure, standardError: figure, interval }).readonly()),
        })
        .readonly(),
    ),
    /** Paired over the questions; p-values corrected for the number of comparisons in this panel (Holm). */
    comparisons: list(
      z
        .strictObject({
          task: z.string(),
          name: z.string(),
          against: z.string(),
          /** Points; positive = `name` is better. */
          difference: z.number(),
          /** Student t; null where no two questions differ differently. */
          interval: interval.nullable(),
          pValue: z.number(),
        })
        .readonly(),
    ),
  })
  .readonly();

export type RetrievalPanel = z.infer<typeof retrievalPanelSchema>;
export type RulerPanel = z.infer<typeof rulerPanelSchema>;
export type BenchmarkPanel = z.infer<typeof benchmarkPanelSchema>;
