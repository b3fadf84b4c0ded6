import type { BenchmarkPanel, RetrievalPanel, RulerPanel } from '../../src/report/index.js';

/** Panels of evaluations for the sample report: as many depths, lengths and long names as a real one has. */
const LENGTHS = [256, 512, 1024, 2048, 4096, 8192];
const NAMES = ['none', 'YaRN', 'searched'];
const DEPTHS = Array.from({ length: 11 }, (_, i) => `${10 * i}%`);
const TASKS = ['niah_single_1', 'niah_multikey_2', 'vt', 'cwe'];

const retrieval: RetrievalPanel = {
  title: 'Needle',
  subject: 'tiny-pg19, sentences',
  protocol: 'needle: one sentence with a number, 11 depths, 3 trials per depth and length; greedy',
  confidence: 0.95,
  lengths: LENGTHS,
  depths: DEPTHS,
  series: NAMES.map((name, series) => {
    const hits = (column: number, depth: number) => Math.max(0, Math.min(3, 4 + series - column - (depth % 3)));
    return {
      name,
      cells: LENGTHS.flatMap((length, column) =>
        DEPTHS.map((_, depth) => ({ length, depth, hits: hits(column, depth), trials: 3 })),
      ),
      totals: LENGTHS.map((length, column) => ({
        length,
        hits: DEPTHS.reduce((sum, _, depth) => sum + hits(column, depth), 0),
        trials: 33,
        interval: { low: 0.1, high: 0.9 },
      })),
    };
  }),
};

const ruler: RulerPanel = {
  subject: 'tiny-pg19',
  protocol: 'ruler: 4 tasks, 20 samples each; greedy',
  confidence: 0.95,
  lengths: LENGTHS,
  tasks: TASKS,
  threshold: 85.6,
  series: NAMES.map((name, series) => {
    const score = (column: number, task: number) => Math.max(0, 100 - 18 * column + 15 * series - 4 * task) % 101;
    return {
      name,
      effectiveLength: series === 0 ? null : (LENGTHS[series] as number),
      averages: LENGTHS.map((length, column) => ({ length, score: score(column, 1) })),
      cells: LENGTHS.flatMap((length, column) =>
        TASKS.map((task, row) => ({
          task,
          length,
          score: score(column, row),
          samples: 20,
          interval: { low: 10, high: 90 },
        })),
      ),
    };
  }),
};

const BENCHMARKS = ['arc_challenge', 'hellaswag', 'mmlu_high_school_government_and_politics', 'truthfulqa_mc2'];

const benchmarks: BenchmarkPanel = {
  subject: 'tiny-pg19',
  protocol: 'benchmark: log-likelihood of every choice by the rules of lm-evaluation-harness',
  confidence: 0.95,
  tasks: BENCHMARKS.map((name, i) => ({
    name,
    metric: 'acc_norm',
    shots: [25, 10, 5, 0][i] as number,
    questions: 200,
  })),
  series: NAMES.map((name, series) => ({
    name,
    scores: BENCHMARKS.map((task, i) => {
      const score = 30 + 5 * i - 2 * series;
      return { task, score, standardError: 3.2, interval: { low: score - 6.3, high: score + 6.3 } };
    }),
  })),
  comparisons: NAMES.slice(1).flatMap((name, series) =>
    BENCHMARKS.map((task, i) => {
      const difference = [1.5, -4, 0.5, -2.5][i]! * (series + 1);
      return {
        task,
        name,
        against: 'none',
        difference,
        interval: { low: difference - 3.1, high: difference + 3.1 },
        pValue: Math.abs(difference) > 3.1 ? 0.047 : 1,
      };
    }),
  ),
};

export const sampleEvaluations = { retrieval: [retrieval], ruler: [ruler], benchmarks: [benchmarks] };
