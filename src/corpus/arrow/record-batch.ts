import {
  type Data,
  Field,
  Int8,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import type { TokenDocument } from '../types.js';

const inputIds = new List(new Field('item', new Int32(), true));
const attentionMask = new List(new Field('item', new Int8(), true));

export const SCHEMA = new Schema([
  new Field('id', new Utf8(), true),
  new Field('input_ids', inputIds, true),
  new Field('attention_mask', attentionMask, true),
  new Field('tokenized_len', new Int64(), true),
]);

/** The columns the released LongRoPE scripts read, plus the document's name; the mask is all ones. */
export function recordBatch(documents: readonly TokenDocument[]): RecordBatch {
  const length = documents.length;
  const offsets = new Int32Array(length + 1);
  for (const [i, { ids }] of documents.entries()) offsets[i + 1] = offsets[i]! + ids.length;
  const total = offsets[length]!;
  const tokens = new Int32Array(total);
  for (const [i, { ids }] of documents.entries()) tokens.set(ids, offsets[i]!);
  const lengths = BigInt64Array.from(documents, ({ ids }) => BigInt(ids.length));
  const list = <T extends Int32 | Int8>(type: List<T>, child: Data<T>) =>
    makeData({ type, length, nullCount: 0, valueOffsets: offsets, child });
  const children = [
    vectorFromArray(
      documents.map(({ id }) => id),
      new Utf8(),
    ).data[0]!,
    list(inputIds, makeData({ type: new Int32(), length: total, nullCount: 0, data: tokens })),
    list(
      attentionMask,
      makeData({ type: new Int8(), length: total, nullCount: 0, data: new Int8Array(total).fill(1) }),
    ),
    makeData({ type: new Int64(), length, nullCount: 0, data: lengths }),
  ];
  return new RecordBatch(SCHEMA, makeData({ type: new Struct(SCHEMA.fields), length, nullCount: 0, children }));
}
