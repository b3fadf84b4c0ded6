/** What a data set can hold of a document. `labels` are the ids again: trainers that want them shift them themselves. */
export const DATASET_COLUMNS = [
  'id',
  'input_ids',
  'attention_mask',
  'labels',
  'position_ids',
  'tokenized_len',
] as const;
export type DatasetColumn = (typeof DATASET_COLUMNS)[number];

/** The columns the released LongRoPE scripts read, plus the document's name. */
export const TOKENIZE_COLUMNS: readonly DatasetColumn[] = ['id', 'input_ids', 'attention_mask', 'tokenized_len'];

interface Column {
  /** As `dataset_info.json` tells it. */
  readonly feature: object;
  readonly bytesPerToken: number;
}

const value = (dtype: string) => ({ dtype, _type: 'Value' });

/**
 * `Sequence` rather than `List`: versions of `datasets` from before 4.0, which the released LongRoPE scripts pin, know
 * only the first and later ones read both.
 */
const list = (dtype: string, bytesPerToken: number): Column => ({
  feature: { feature: value(dtype), _type: 'Sequence' },
  bytesPerToken,
});

export const COLUMNS: Readonly<Record<DatasetColumn, Column>> = {
  id: { feature: value('string'), bytesPerToken: 0 },
  input_ids: list('int32', 4),
  attention_mask: list('int8', 1),
  labels: list('int32', 4),
  position_ids: list('int32', 4),
  tokenized_len: { feature: value('int64'), bytesPerToken: 0 },
};

export function bytesPerToken(columns: readonly DatasetColumn[]): number {
  return columns.reduce((sum, name) => sum + COLUMNS[name].bytesPerToken, 0);
}
