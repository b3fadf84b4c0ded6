import { type ColumnSource, parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { loadTasks } from '../../../src/evaluation/benchmarks/index.js';
import { rejection } from '../../helpers/rejection.js';
import { dataFolder, lines } from './data-folder.js';

/** A column as the Hub's own Parquet files declare it. */
type Column = 'string' | 'int32' | 'int64' | readonly [Column] | { readonly [field: string]: Column };

const LEAVES = {
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
} as const;

function elements(name: string, column: Column): SchemaElement[] {
  const optional = { name, repetition_type: 'OPTIONAL' } as const;
  if (typeof column === 'string') return [{ ...optional, ...LEAVES[column] }];
  if (Array.isArray(column)) {
    const repeated = { name: 'list', repetition_type: 'REPEATED', num_children: 1 } as const;
    const list = { ...optional, num_children: 1, converted_type: 'LIST' } as const;
    return [list, repeated, ...elements('element', column[0] as Column)];
  }
  const fields = Object.entries(column);
  return [{ ...optional, num_children: fields.length }, ...fields.flatMap(([field, of]) => elements(field, of))];
}

function parquet(columns: Readonly<Record<string, Column>>, rows: readonly object[]): Uint8Array {
  const entries = Object.entries(columns);
  const columnData = entries.map(
    ([name]): ColumnSource => ({
      name,
      data: rows.map((row) => (row as Record<string, unknown>)[name] ?? null),
    }),
  );
  const schema: SchemaElement[] = [{ name: 'root', num_children: entries.length }];
  for (const [name, column] of entries) schema.push(...elements(name, column));
  return new Uint8Array(parquetWriteBuffer({ columnData, schema }));
}

/** The schemas of allenai/ai2_arc, Rowan/hellaswag, cais/mmlu and truthfulqa/truthful_qa (multiple_choice). */
const TARGETS = { choices: ['string'], labels: ['int32'] } as const;
const SCHEMAS = {
  arc: { id: 'string', question: 'string', choices: { text: ['string'], label: ['string'] }, answerKey: 'string' },
  hellaswag: {
    ind: 'int32',
    activity_label: 'string',
    ctx_a: 'string',
    ctx_b: 'string',
    ctx: 'string',
    endings: ['string'],
    source_id: 'string',
    split: 'string',
    split_type: 'string',
    label: 'string',
  },
  mmlu: { question: 'string', subject: 'string', choices: ['string'], answer: 'int64' },
  truthfulqa: { question: 'string', mc1_targets: TARGETS, mc2_targets: TARGETS },
} as const;

const arc = (id: string, changes: object = {}) => ({
  id,
  question: `What floats, ${id}?`,
  choices: { text: ['a stone', 'a cork', 'an anchor'], label: ['A', 'B', 'C'] },
  answerKey: 'B',
  ...changes,
});
const hellaswag = (ind: number) => ({
  ind,
  activity_label: 'Sailing',
  ctx_a: `Sailor ${ind} is on deck.`,
  ctx_b: 'she',
  ctx: `Sailor ${ind} is on deck. she`,
  endings: ['sings.', 'sleeps.', 'jumps.', 'rows — slowly.'],
  source_id: `activitynet~v_${ind}`,
  split: 'val',
  split_type: 'indomain',
  label: '3',
});
const mmlu = (question: string, changes: object = {}) => ({
  question,
  subject: 'anatomy',
  choices: ['skin', 'bone', 'blood', 'hair'],
  answer: 1n,
  ...changes,
});
const truthfulqa = (question: string) => ({
  question,
  mc1_targets: { choices: ['Nothing.', 'Gold.'], labels: [1, 0] },
  mc2_targets: { choices: ['Nothing.', 'Air.', 'Gold.'], labels: [1, 1, 0] },
});

/** As JSON has it, where an int64 is a number like any other. */
const plain = (row: object) =>
  JSON.parse(JSON.stringify(row, (_, v) => (typeof v === 'bigint' ? Number(v) : v))) as object;

const ROWS = {
  'ai2_arc/ARC-Challenge/test-00000-of-00001': [SCHEMAS.arc, [arc('Mercury_1'), arc('Mercury_2', { answerKey: 'C' })]],
  'ai2_arc/ARC-Challenge/train-00000-of-00001': [SCHEMAS.arc, [arc('t1'), arc('t2')]],
  'hellaswag/data/validation-00000-of-00001': [SCHEMAS.hellaswag, [hellaswag(4), hellaswag(9)]],
  'hellaswag/data/train-00000-of-00001': [SCHEMAS.hellaswag, [hellaswag(1), hellaswag(2), hellaswag(3)]],
  'mmlu/anatomy/test-00000-of-00001': [SCHEMAS.mmlu, [mmlu('What is hard?'), mmlu('What is red?', { answer: 2n })]],
  'mmlu/anatomy/dev-00000-of-00001': [SCHEMAS.mmlu, [mmlu('What is white?')]],
  'truthful_qa/multiple_choice/validation-00000-of-00001': [SCHEMAS.truthfulqa, [truthfulqa('What is in the bag?')]],
} as const;

describe('Parquet files of the Hub', () => {
  it('give the same tasks as the same rows in JSONL', async () => {
    const entries = Object.entries(ROWS);
    const asParquet = await dataFolder(
      Object.fromEntries(entries.map(([name, [schema, rows]]) => [`${name}.parquet`, parquet(schema, rows)])),
    );
    const asJsonl = await dataFolder(
      Object.fromEntries(entries.map(([name, [, rows]]) => [`${name}.jsonl`, lines(rows.map(plain))])),
    );
    const [found, expected] = await Promise.all([asParquet, asJsonl].map((data) => loadTasks({ data, shots: 1 })));
    expect(found!.tasks).toEqual(expected!.tasks);
    expect(found!.tasks.map(({ name, questions, pool }) => [name, questions.length, pool.length])).toEqual([
      ['arc_challenge', 2, 2],
      ['hellaswag', 2, 3],
      ['mmlu_anatomy', 2, 1],
      ['truthfulqa_mc1', 1, 0],
      ['truthfulqa_mc2', 1, 0],
    ]);
    // Not only the same, but right.
    const [arcTask, sailing, anatomy, , truthful] = found!.tasks;
    expect(arcTask!.questions[1]).toEqual({
      id: 'Mercury_2',
      prompt: 'Question: What floats, Mercury_2?\nAnswer:',
      choices: ['a stone', 'a cork', 'an anchor'],
      right: [false, false, true],
    });
    expect(sailing!.questions[0]).toMatchObject({
      prompt: 'Sailing: Sailor 4 is on deck. She',
      right: [false, false, false, true],
    });
    expect(sailing!.questions[0]!.choices[3]).toBe('rows — slowly.');
    expect(anatomy!.questions[1]!.right).toEqual([false, false, true, false]);
    expect(truthful!.questions[0]!.right).toEqual([true, true, false]);
  });

  it('split into shards are one file, in the order of the shards', async () => {
    const shard = (rows: readonly object[]) => parquet(SCHEMAS.arc, rows);
    const first = { 'ARC-Challenge/test-00000-of-00002.parquet': shard([arc('a'), arc('b')]) };
    const second = { 'ARC-Challenge/test-00001-of-00002.parquet': shard([arc('c')]) };
    const { tasks, files } = await loadTasks({ data: await dataFolder({ ...second, ...first }), shots: 0 });
    expect(tasks[0]!.questions.map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(files.map(({ path, questions }) => [path.slice(-21), questions])).toEqual([
      ['00000-of-00002.parquet'.slice(-21), 2],
      ['00001-of-00002.parquet'.slice(-21), 1],
    ]);
    const twice = { 'ARC-Challenge/test-00001-of-00002.parquet': shard([arc('c'), arc('a')]) };
    const again = await rejection(loadTasks({ data: await dataFolder({ ...first, ...twice }), shots: 0 }));
    expect(again.message).toMatch(/00001-of-00002\.parquet: row 2: .*found a, as at .*00000-of-00002\.parquet: row 1$/);
    const lost = await rejection(loadTasks({ data: await dataFolder(second), shots: 0 }));
    expect(lost.message).toMatch(/00001-of-00002\.parquet: expected all 2 shards beside it, found 1$/);
    const both = { ...first, ...second, 'ARC-Challenge/test.jsonl': lines([arc('z')]) };
    expect((await rejection(loadTasks({ data: await dataFolder(both), shots: 0 }))).message).toMatch(
      /test\.jsonl: expected one file with the questions of arc_challenge, found .*00000-of-00002\.parquet as well/,
    );
  });

  it('name file and row of everything that is wrong, at once', async () => {
    const data = await dataFolder({
      'ARC-Challenge/test-00000-of-00001.parquet': parquet(SCHEMAS.arc, [
        arc('a'),
        arc('b', { answerKey: 'D' }),
        arc('c', { question: null }),
        arc('a'),
        arc('d', { choices: { text: ['one', 'two'], label: ['A'] } }),
      ]),
      'mmlu/anatomy/test-00000-of-00001.parquet': parquet(SCHEMAS.mmlu, [mmlu('Q?', { answer: 4n })]),
      'mmlu/virology/test-00000-of-00001.parquet': parquet({ question: 'string', choices: ['string'] }, [mmlu('Q?')]),
      'hellaswag/data/validation-00000-of-00001.parquet': parquet(SCHEMAS.hellaswag, []),
      'truthful_qa/multiple_choice/validation-00000-of-00001.parquet': parquet(SCHEMAS.truthfulqa, [
        truthfulqa('Same?'),
        truthfulqa('Same?'),
      ]).subarray(0, 300),
    });
    const { problems } = await rejection(loadTasks({ data, shots: 0 }));
    const found = problems.map(({ where, expected }) => `${where.slice(data.length + 1)}: ${expected}`);
    const arcFile = 'ARC-Challenge/test-00000-of-00001.parquet';
    expect(found).toEqual([
      `${arcFile}: row 2: an answerKey among A, B, C`,
      `${arcFile}: row 3: question: string`,
      `${arcFile}: row 4: a question that is not in the file yet`,
      `${arcFile}: row 5: 2 labels, one per choice`,
      'hellaswag/data/validation-00000-of-00001.parquet: at least one question',
      'mmlu/anatomy/test-00000-of-00001.parquet: row 1: answer: 0 to 3',
      expect.stringMatching(/^mmlu\/virology\/test-00000-of-00001\.parquet: row 1: answer: a whole number/),
      'truthful_qa/multiple_choice/validation-00000-of-00001.parquet: a whole Parquet file',
    ]);
  });
});
