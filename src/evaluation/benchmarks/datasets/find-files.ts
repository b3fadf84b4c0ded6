import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../../../errors.js';
import { fileError } from '../../../run/index.js';

export type DatasetName = 'arc_challenge' | 'hellaswag' | 'mmlu' | 'truthfulqa';

/** Asked questions, and where examples come from. */
export type Split = 'questions' | 'examples';

export interface FoundFile {
  readonly dataset: DatasetName;
  readonly split: Split;
  /** Subject of MMLU; '' for the others. */
  readonly subject: string;
  readonly path: string;
}

const SHARD = '(?:-\\d{5}-of-\\d{5})?';

/** Paths within the folder (lower case, `/` between) of the published files and of the repositories on the Hub. */
const PATTERNS: readonly (readonly [DatasetName, RegExp])[] = [
  ['arc_challenge', new RegExp(`(?:^|/)arc[-_]challenge[-_/](?<split>train|test)${SHARD}\\.(?:jsonl|parquet)$`)],
  ['hellaswag', /(?:^|\/)hellaswag[-_](?<split>train|val|validation)\.jsonl$/],
  ['hellaswag', new RegExp(`(?:^|/)hellaswag(?:/data)?/(?<split>train|val|validation)${SHARD}\\.(?:jsonl|parquet)$`)],
  ['mmlu', /(?:^|\/)(?:dev|test)\/(?<subject>[a-z_]+)_(?<split>dev|test)\.csv$/],
  [
    'mmlu',
    new RegExp(
      `(?:^|/)mmlu/(?!all/|auxiliary_train/)(?<subject>[a-z_]+)/(?<split>dev|test)${SHARD}\\.(?:jsonl|parquet)$`,
    ),
  ],
  ['truthfulqa', /(?:^|\/)mc_task\.json$/],
  ['truthfulqa', new RegExp(`(?:^|/)truthful_?qa/multiple_choice/validation${SHARD}\\.(?:jsonl|parquet)$`)],
];

const EXAMPLE_SPLITS = ['train', 'dev'];

export const KNOWN_FILES =
  'ARC-Challenge-Test.jsonl, ARC-Challenge-Train.jsonl, hellaswag_val.jsonl, hellaswag_train.jsonl, test/SUBJECT_test.csv, dev/SUBJECT_dev.csv or mc_task.json';

/** Every benchmark file of a folder and the folders in it, in the order of their paths. Two for one purpose are an error. */
export async function findBenchmarkFiles(folder: string): Promise<FoundFile[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileError(folder, 'a folder with benchmark files', error);
  });
  const found = names.sort().flatMap((name): FoundFile[] => {
    const normal = name.split(path.sep).join('/').toLowerCase();
    for (const [dataset, pattern] of PATTERNS) {
      const match = pattern.exec(normal);
      if (match === null) continue;
      const { split = '', subject = '' } = match.groups ?? {};
      return [
        {
          dataset,
          split: EXAMPLE_SPLITS.includes(split) ? 'examples' : 'questions',
          subject,
          path: path.join(folder, name),
        },
      ];
    }
    return [];
  });
  if (found.length === 0)
    throw new UserError('input', {
      where: folder,
      expected: `benchmark files such as ${KNOWN_FILES}`,
      found:
        names.length === 0 ? 'an empty folder' : `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' ...' : ''}`,
      fix: 'name the folder that holds them with --data',
    });
  const first = new Map<string, FoundFile>();
  const twice = found.flatMap((file) => {
    const key = `${file.dataset} ${file.subject} ${file.split}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, file);
    return other === undefined
      ? []
      : [
          {
            where: file.path,
            expected: `one file with the ${file.split} of ${file.dataset}${file.subject && `, ${file.subject}`}`,
            found: `${other.path} as well`,
            fix: 'name a narrower folder with --data',
          },
        ];
  });
  if (twice.length > 0) throw new UserError('input', twice);
  return found;
}
