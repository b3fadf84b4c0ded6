import { COLUMNS, type DatasetColumn } from './columns.js';

/** Names and contents of the files that Python `datasets` keeps beside the Arrow data of `save_to_disk`. */
export const STATE_FILE = 'state.json';
export const INFO_FILE = 'dataset_info.json';
/** Present in the folder of a `DatasetDict`, which holds one data set per split. */
export const DICT_FILE = 'dataset_dict.json';
/** Ours; `datasets` ignores it. */
export const ORIGIN_FILE = 'longrope.json';
export const DATA_FILE = 'data-00000-of-00001.arrow';

/** Where the ids of a data set come from. */
export interface DatasetOrigin {
  readonly tokenizerHash: string;
}

export function datasetInfo(columns: readonly DatasetColumn[]): object {
  const features = Object.fromEntries(columns.map((name) => [name, COLUMNS[name].feature]));
  return { citation: '', description: '', features, homepage: '', license: '' };
}

/** @param fingerprint 16 hexadecimal digits; Python uses it to name its own caches */
export function datasetState(fingerprint: string): object {
  return {
    _data_files: [{ filename: DATA_FILE }],
    _fingerprint: fingerprint,
    _format_columns: null,
    _format_kwargs: {},
    _format_type: null,
    _output_all_columns: false,
    _split: null,
  };
}
