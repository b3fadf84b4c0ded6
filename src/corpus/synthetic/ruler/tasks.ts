import type { SyntheticTask } from '../row.js';
import { commonWords } from './common-words.js';
import { frequentWords } from './frequent-words.js';
import { type NiahSettings, niahTask } from './niah.js';
import { variableTracking } from './variable-tracking.js';

const one = { key: 'words', value: 'numbers', keys: 1, values: 1, queries: 1 } as const;

/** Settings of RULER's scripts/synthetic.yaml. */
const NIAH: readonly NiahSettings[] = [
  { ...one, name: 'niah_single_1', haystack: 'noise' },
  { ...one, name: 'niah_single_2', haystack: 'essay' },
  { ...one, name: 'niah_single_3', haystack: 'essay', value: 'uuids' },
  { ...one, name: 'niah_multikey_1', haystack: 'essay', keys: 4 },
  { ...one, name: 'niah_multikey_2', haystack: 'needle' },
  { ...one, name: 'niah_multikey_3', haystack: 'needle', key: 'uuids', value: 'uuids' },
  { ...one, name: 'niah_multivalue', haystack: 'essay', values: 4 },
  { ...one, name: 'niah_multiquery', haystack: 'essay', keys: 4, queries: 4 },
];

/** The tasks of RULER that need no other data than a text: all but its two question-answering ones. */
export const RULER_TASKS: readonly SyntheticTask[] = [
  ...NIAH.map(niahTask),
  variableTracking,
  commonWords,
  frequentWords,
];
export const RULER_TASK_NAMES: readonly string[] = RULER_TASKS.map(({ name }) => name);
