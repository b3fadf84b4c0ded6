import {
  type Data,
  type DataType,
  Int8,
  Int32,
  Int64,
  type List,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import type { TokenDocument } from '../types.js';
import type { DatasetColumn } from './columns.js';
import { TYPES } from './schema.js';

/** One batch of documents with these columns, `schema` being theirs; masks are all ones. */
export function recordBatch(
  documents: readonly TokenDocument[],
  columns: readonly DatasetColumn[],
  schema: Schema,
): RecordBatch {
  const length = documents.length;
  const offsets = new Int32Array(length + 1);
  for (const [i, { ids }] of documents.entries()) offsets[i + 1] = offsets[i]! + ids.length;
  const total = offsets[length]!;
  const tokens = new Int32Array(total);
  for (const [i, { ids }] of documents.entries()) tokens.set(ids, offsets[i]!);
  const list = <T extends Int32 | Int8>(name: DatasetColumn, child: Data<T>) =>
    makeData({ type: TYPES[name] as List<T>, length, nullCount: 0, valueOffsets: offsets, child });
  const integers = (data: Int32Array) => makeData({ type: new Int32(), length: total, nullCount: 0, data });
  const make: Readonly<Record<DatasetColumn, () => Data<DataType>>> = {
    id: () =>
      vectorFromArray(
        documents.map(({ id }) => id),
        new Utf8(),
      ).data[0]!,
    input_ids: () => list('input_ids', integers(tokens)),
    labels: () => list('labels', integers(tokens)),
    position_ids: () => list('position_ids', integers(positions(documents, offsets))),
    attention_mask: () => {
      const data = new Int8Array(total).fill(1);
      return list('attention_mask', makeData({ type: new Int8(), length: total, nullCount: 0, data }));
    },
    tokenized_len: () => {
      const data = BigInt64Array.from(documents, ({ ids }) => BigInt(ids.length));
      return makeData({ type: new Int64(), length, nullCount: 0, data });
    },
  };
  const children = columns.map((name) => make[name]());
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length, nullCount: 0, children }));
}

function positions(documents: readonly TokenDocument[], offsets: Int32Array): Int32Array {
  const all = new Int32Array(offsets[documents.length]!);
  for (const [i, { ids, positions: given }] of documents.entries())
    if (given !== undefined) all.set(given, offsets[i]!);
    else for (let token = 0; token < ids.length; token++) all[offsets[i]! + token] = token;
  return all;
}
