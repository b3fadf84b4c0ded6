import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, UserError } from '../../../errors.js';
import { fileError } from '../../../run/index.js';

export type DatasetName = 'arc_challenge' | 'hellaswag' | 'mmlu' | 'truthfulqa';

/** Asked questions, and where examples come from. */
export type Split = 'questions' | 'examples';

export interface FoundFile {
  readonly dataset: DatasetName;
  readonly split: Split;
  /** Subject of MMLU; '' for the others. */
  readonly subject: string;
  /** One file, or all shards of it in their order. */
  readonly paths: readonly string[];
}

const SHARD = '(?:-(?<shard>\\d{5})-of-(?<shards>\\d{5}))?';

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

/** Every benchmark file of a folder and the folders in it, in the order of their paths. */
export async function findBenchmarkFiles(folder: string): Promise<FoundFile[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    throw fileError(folder, 'a folder with benchmark files', error);
  });
  const found = names.sort().flatMap((name) => recognise(folder, name) ?? []);
  if (found.length === 0)
    throw new UserError('input', {
      where: folder,
      expected: `benchmark files such as ${KNOWN_FILES}`,
      found:
        names.length === 0 ? 'an empty folder' : `${names.slice(0, 5).join(', ')}${names.length > 5 ? ' ...' : ''}`,
      fix: 'name the folder that holds them with --data',
    });
  return joinShards(found);
}

/** A file of the folder that a pattern knows. */
interface Recognised extends Omit<FoundFile, 'paths'> {
  readonly path: string;
  /** Of how many shards it is one, and which, from 0. */
  readonly shards: number;
  readonly shard: number;
}

function recognise(folder: string, name: string): Recognised | null {
  const normal = name.split(path.sep).join('/').toLowerCase();
  for (const [dataset, pattern] of PATTERNS) {
    const match = pattern.exec(normal);
    if (match === null) continue;
    const { split = '', subject = '', shard = '0', shards = '1' } = match.groups ?? {};
    return {
      dataset,
      split: EXAMPLE_SPLITS.includes(split) ? 'examples' : 'questions',
      subject,
      path: path.join(folder, name),
      shard: Number(shard),
      shards: Number(shards),
    };
  }
  return null;
}

/** Shards of one file become one; two files for one purpose, or shards that are missing, are problems. */
function joinShards(files: readonly Recognised[]): FoundFile[] {
  const groups = new Map<string, [Recognised, ...Recognised[]]>();
  const problems: Problem[] = [];
  for (const file of files) {
    const key = `${file.dataset} ${file.subject} ${file.split}`;
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, [file]);
      continue;
    }
    const [first] = group;
    const isNext =
      path.dirname(first.path) === path.dirname(file.path) &&
      first.shards === file.shards &&
      group.every(({ shard }) => shard !== file.shard);
    if (isNext) group.push(file);
    else
      problems.push({
        where: file.path,
        expected: `one file with the ${file.split} of ${file.dataset}${file.subject && `, ${file.subject}`}`,
        found: `${first.path} as well`,
        fix: 'name a narrower folder with --data',
      });
  }
  for (const [{ path: where, shards }, ...others] of groups.values())
    if (others.length + 1 < shards)
      problems.push({ where, expected: `all ${shards} shards beside it`, found: `${others.length + 1}` });
  if (problems.length > 0) throw new UserError('input', problems);
  return [...groups.values()].map((shards) => {
    const [{ dataset, split, subject }] = shards;
    return {
      dataset,
      split,
      subject,
      paths: shards.toSorted((a, b) => a.shard - b.shard).map((file) => file.path),
    };
  });
}
