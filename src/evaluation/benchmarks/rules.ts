import type { DatasetName } from './datasets/find-files.js';
import type { Metric, ShotRule } from './question.js';

/** What a data set's task is like in lm-evaluation-harness 0.4.13, beyond its prompts, with the shots of the Open LLM Leaderboard. */
export interface DatasetRules {
  /** lm-evaluation-harness's version of the task. */
  readonly version: string;
  readonly group: string | null;
  readonly description: (subject: string) => string;
  readonly shotRule: ShotRule;
  readonly takesShots: boolean;
  readonly defaultShots: number;
  readonly metrics: readonly Metric[];
  readonly headline: Metric;
  /** Published name of the file with the examples. */
  readonly examplesFile: (subject: string) => string;
  /** Without that file, the last questions may serve. */
  readonly borrowsExamples: boolean;
}

const none = () => '';

export const RULES: Readonly<Record<DatasetName, DatasetRules>> = {
  arc_challenge: {
    version: '1',
    group: null,
    description: none,
    shotRule: 'random',
    takesShots: true,
    defaultShots: 25,
    metrics: ['acc', 'acc_norm', 'acc_bytes'],
    headline: 'acc_norm',
    examplesFile: () => 'ARC-Challenge-Train.jsonl',
    borrowsExamples: false,
  },
  hellaswag: {
    version: '1',
    group: null,
    description: none,
    shotRule: 'random-one-spare',
    takesShots: true,
    defaultShots: 10,
    metrics: ['acc', 'acc_norm', 'acc_bytes'],
    headline: 'acc_norm',
    examplesFile: () => 'hellaswag_train.jsonl',
    borrowsExamples: true,
  },
  mmlu: {
    version: '1',
    group: 'mmlu',
    description: (subject) =>
      `The following are multiple choice questions (with answers) about ${subject.replaceAll('_', ' ')}.\n\n`,
    shotRule: 'first',
    takesShots: true,
    defaultShots: 5,
    metrics: ['acc'],
    headline: 'acc',
    examplesFile: (subject) => `dev/${subject}_dev.csv`,
    borrowsExamples: false,
  },
  truthfulqa: {
    version: '2/3',
    group: null,
    description: none,
    shotRule: 'first',
    takesShots: false,
    defaultShots: 0,
    metrics: ['acc'],
    headline: 'acc',
    examplesFile: none,
    borrowsExamples: false,
  },
};
