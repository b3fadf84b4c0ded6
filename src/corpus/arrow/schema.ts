import { type DataType, Field, Int8, Int32, Int64, List, Schema, Utf8 } from 'apache-arrow';
import type { DatasetColumn } from './columns.js';

const list = (item: Int8 | Int32) => new List(new Field('item', item, true));

/** How Arrow stores each column. */
export const TYPES: Readonly<Record<DatasetColumn, DataType>> = {
  id: new Utf8(),
  input_ids: list(new Int32()),
  attention_mask: list(new Int8()),
  labels: list(new Int32()),
  position_ids: list(new Int32()),
  tokenized_len: new Int64(),
};

export function schemaOf(columns: readonly DatasetColumn[]): Schema {
  return new Schema(columns.map((name) => new Field(name, TYPES[name], true)));
}
