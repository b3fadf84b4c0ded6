import { type DataType, Field, Int8, Int32, Int64, List, Schema, Utf8 } from 'apache-arrow';

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
  readonly type: DataType;
  /** As `dataset_info.json` tells it. */
  readonly feature: object;
  readonly bytesPerToken: number;
}

const value = (dtype: string) => ({ dtype, _type: 'Value' });

/**
 * `Sequence` rather than `List`: versions of `datasets` from before 4.0, which the released LongRoPE scripts pin, know
 * only the first and later ones read both.
 */
const list = (item: Int8 | Int32, dtype: string, bytesPerToken: number): Column => ({
  type: new List(new Field('item', item, true)),
  feature: { feature: value(dtype), _type: 'Sequence' },
  bytesPerToken,
});

export const COLUMNS: Readonly<Record<DatasetColumn, Column>> = {
  id: { type: new Utf8(), feature: value('string'), bytesPerToken: 0 },
  input_ids: list(new Int32(), 'int32', 4),
  attention_mask: list(new Int8(), 'int8', 1),
  labels: list(new Int32(), 'int32', 4),
  position_ids: list(new Int32(), 'int32', 4),
  tokenized_len: { type: new Int64(), feature: value('int64'), bytesPerToken: 0 },
};

export function schemaOf(columns: readonly DatasetColumn[]): Schema {
  return new Schema(columns.map((name) => new Field(name, COLUMNS[name].type, true)));
}

export function bytesPerToken(columns: readonly DatasetColumn[]): number {
  return columns.reduce((sum, name) => sum + COLUMNS[name].bytesPerToken, 0);
}
