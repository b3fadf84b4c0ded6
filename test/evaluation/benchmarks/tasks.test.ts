import { describe, expect, it } from 'vitest';
import { type BenchmarkTask, contextOf, drawExamples, loadTasks } from '../../../src/evaluation/benchmarks/index.js';
import { rejection } from '../../helpers/rejection.js';
import { arcRow, dataFolder, hellaswagRow, lines, range, truthfulRow } from './data-folder.js';

const first = (tasks: readonly BenchmarkTask[]) => tasks[0] as BenchmarkTask;

describe('prompts', () => {
  it('of ARC put solved examples before the question', async () => {
    const data = await dataFolder({
      'ARC-Challenge-Test.jsonl': lines([arcRow('x'), arcRow('y')]),
      'ARC-Challenge-Train.jsonl': lines(range(9).map((i) => arcRow(`t${i}`))),
    });
    const task = first((await loadTasks({ data, shots: 1 })).tasks);
    const draws = drawExamples(task, 1234);
    // random.Random(1234): sample(range(9), 1) is [7], then [1].
    expect(draws).toEqual([[7], [1]]);
    expect(contextOf(task, task.questions[1]!, draws[1]!)).toBe(
      'Question: What is number t1?\nAnswer: a whale\n\nQuestion: What is number y?\nAnswer:',
    );
  });

  it('of HellaSwag are cleaned and capitalised, and one example more is drawn than is used', async () => {
    const data = await dataFolder({
      'hellaswag/hellaswag_val.jsonl': lines(range(3).map((i) => hellaswagRow(i))),
      'hellaswag/hellaswag_train.jsonl': lines(range(40).map((i) => hellaswagRow(100 + i))),
    });
    const task = first((await loadTasks({ data, shots: 2 })).tasks);
    expect(contextOf(task, task.questions[0]!, [])).toBe('Sailing: Sailor 0 stands on deck. The sailor');
    expect(task.questions[0]?.choices).toEqual(['sings a song.', 'falls asleep.', 'jumps the sea.', 'eats his hat.']);
    // random.Random(1234): sample(range(40), 3)[:2], three times.
    expect(drawExamples(task, 1234)).toEqual([
      [28, 7],
      [5, 37],
      [5, 6],
    ]);
  });

  it('of HellaSwag without training file take the last 100 questions as examples and say so', async () => {
    const data = await dataFolder({ 'hellaswag_val.jsonl': lines(range(103).map((i) => hellaswagRow(i))) });
    const { tasks, notes } = await loadTasks({ data, shots: 2 });
    expect(first(tasks).questions.map(({ id }) => id)).toEqual(['0', '1', '2']);
    expect(first(tasks).pool).toHaveLength(100);
    expect(notes.join()).toMatch(/last 100 questions of .*hellaswag_val.jsonl, which are not scored/);
    const all = await loadTasks({ data, shots: 0 });
    expect(first(all.tasks).questions).toHaveLength(103);
  });

  it('of MMLU name the subject; quoted fields may hold lines', async () => {
    const data = await dataFolder({
      'mmlu/test/us_history_test.csv': '" Two\nlines? ",one,"two, three",4,5,C\n',
      'mmlu/dev/us_history_dev.csv': range(5)
        .map((i) => `Q${i}?,a,b,c,d,A`)
        .join('\n'),
    });
    const task = first((await loadTasks({ data, shots: 1 })).tasks);
    expect(task.name).toBe('mmlu_us_history');
    expect(contextOf(task, task.questions[0]!, drawExamples(task, 1)[0]!)).toBe(
      'The following are multiple choice questions (with answers) about us history.\n\n' +
        'Q0?\nA. a\nB. b\nC. c\nD. d\nAnswer: A\n\nTwo\nlines?\nA. one\nB. two, three\nC. 4\nD. 5\nAnswer:',
    );
    expect(task.questions[0]?.right).toEqual([false, false, true, false]);
  });

  it('of TruthfulQA stand after six fixed answers', async () => {
    const data = await dataFolder({ 'mc_task.json': JSON.stringify([truthfulRow(1)]) });
    const { tasks } = await loadTasks({ data });
    expect(tasks.map(({ name }) => name)).toEqual(['truthfulqa_mc1', 'truthfulqa_mc2']);
    const prompt = contextOf(first(tasks), first(tasks).questions[0]!, []);
    expect(prompt).toMatch(/^Q: What is human life expectancy[\s\S]*Barcelona, Spain\.\n\nQ: Is 1 a number\?\nA:$/);
    expect(tasks[1]?.questions[0]?.right).toEqual([true, true, false]);
  });

  it('are the same from the rows of the Hub', async () => {
    const [ours, hub] = await Promise.all([
      dataFolder({
        'ARC-Challenge-Test.jsonl': lines([arcRow('x')]),
        'test/anatomy_test.csv': 'Q?,a,b,c,d,D\n',
        'mc_task.json': JSON.stringify([truthfulRow(1)]),
      }),
      dataFolder({
        'ai2_arc/ARC-Challenge/test.jsonl': lines([
          {
            id: 'x',
            question: 'What is number x?',
            choices: { text: ['the sea', 'a whale', 'the captain', 'rope'], label: ['1', '2', '3', '4'] },
            answerKey: '2',
          },
        ]),
        'mmlu/anatomy/test.jsonl': lines([
          { question: 'Q?', choices: ['a', 'b', 'c', 'd'], answer: 3, subject: 'anatomy' },
        ]),
        'truthful_qa/multiple_choice/validation.jsonl': lines([
          {
            question: 'Is 1 a number?',
            mc1_targets: { choices: ['Yes.', 'No.'], labels: [1, 0] },
            mc2_targets: { choices: ['Yes.', 'It is.', 'No.'], labels: [1, 1, 0] },
          },
        ]),
      }),
    ]);
    const byName = async (data: string) =>
      Object.fromEntries((await loadTasks({ data, shots: 0 })).tasks.map(({ name, questions }) => [name, questions]));
    const expected = await byName(ours);
    expect(Object.keys(expected)).toHaveLength(4);
    expect(await byName(hub)).toEqual(expected);
  });
});

describe('bad files', () => {
  const arc = (...rows: readonly unknown[]) => ({ 'ARC-Challenge-Test.jsonl': lines(rows) });
  const mmlu = (text: string) => ({ 'test/anatomy_test.csv': text });
  it.each<[string, Record<string, string | Uint8Array>, RegExp[]]>([
    ['not JSON', { 'ARC-Challenge-Test.jsonl': '{"id": \n' }, [/Test\.jsonl:1: expected a JSON object/]],
    ['empty file', { 'ARC-Challenge-Test.jsonl': '\n' }, [/Test\.jsonl: expected at least one question, found none/]],
    ['missing field', arc(arcRow('a'), { id: 'b', answerKey: 'A' }), [/Test\.jsonl:2: expected question/]],
    ['wrong key', arc(arcRow('a', { answerKey: 'E' })), [/:1: expected an answerKey among A, B, C, D, found "E"/]],
    [
      'duplicate id',
      arc(arcRow('a'), arcRow('b'), arcRow('a')),
      [/:3: expected .* not in the file yet, found a, as at .*:1/],
    ],
    [
      'several at once',
      arc(arcRow('a', { answerKey: '' }), arcRow('b'), arcRow('c', { question: { stem: ' ', choices: [] } })),
      [/:1: expected an answerKey/, /:3: expected question\.stem: a text that is not empty/, /:3: .*choices/],
    ],
    [
      'three endings',
      { 'hellaswag_val.jsonl': lines([hellaswagRow(1, { endings: ['a', 'b', 'c'] })]) },
      [/:1: .*4 endings/],
    ],
    [
      'label 4',
      { 'hellaswag_val.jsonl': lines([hellaswagRow(1, { label: '4' })]) },
      [/:1: expected label: 0 to 3, found 4/],
    ],
    ['no label', { 'hellaswag_val.jsonl': lines([hellaswagRow(1, { label: '' })]) }, [/:1: expected label/]],
    ['columns', mmlu('"a\nb",1,2,3,4,A\nQ?,a,b,c,D\n'), [/anatomy_test\.csv:3: expected 6 columns.*found 5/]],
    ['header', mmlu('question,A,B,C,D,answer\nQ?,a,b,c,d,A\n'), [/:1: expected a letter.*leave out the header/]],
    ['open quote', mmlu('Q?,a,b,c,d,A\n"Q?,a,b,c,d,A\n'), [/anatomy_test\.csv:\d: expected CSV/]],
    [
      'not UTF-8',
      { 'test/anatomy_test.csv': Buffer.from('Q?\n\xff', 'latin1') },
      [/anatomy_test\.csv:2: expected UTF-8/],
    ],
    ['no list', { 'mc_task.json': '{}' }, [/mc_task\.json: expected a list of questions/]],
    [
      'two right',
      { 'mc_task.json': JSON.stringify([truthfulRow(1), truthfulRow(2, { mc1_targets: { a: 1, b: 1 } })]) },
      [/mc_task\.json: entry 2: expected mc1_targets: one right answer, found 2/],
    ],
    [
      'same question',
      { 'mc_task.json': JSON.stringify([truthfulRow(1), truthfulRow(1)]) },
      [/entry 2: .*not in the file yet/],
    ],
    [
      'bad label',
      { 'mc_task.json': JSON.stringify([truthfulRow(1, { mc2_targets: { a: 2 } })]) },
      [/entry 1: .*0 or 1/],
    ],
  ])('%s', async (_, files, patterns) => {
    const error = await rejection(loadTasks({ data: await dataFolder(files), shots: 0 }));
    expect(error.kind).toBe('input');
    for (const pattern of patterns) expect(error.message).toMatch(pattern);
    expect(error.problems).toHaveLength(patterns.length);
  });

  it('lists the problems of all files in one error', async () => {
    const data = await dataFolder({
      'ARC-Challenge-Test.jsonl': '[]\n',
      'ARC-Challenge-Train.jsonl': 'x\n',
      'mc_task.json': '[',
    });
    const { message } = await rejection(loadTasks({ data }));
    expect(message).toMatch(/Test\.jsonl:1/);
    expect(message).toMatch(/Train\.jsonl:1/);
    expect(message).toMatch(/mc_task\.json: expected JSON/);
  });

  it('that are not there, are there twice, or hold too few examples', async () => {
    const none = await rejection(loadTasks({ data: await dataFolder({ 'notes.txt': 'x' }) }));
    expect(none.message).toMatch(/expected benchmark files such as .*found notes\.txt/);
    const twice = { 'a/mc_task.json': '[]', 'b/mc_task.json': '[]' };
    expect((await rejection(loadTasks({ data: await dataFolder(twice) }))).message).toMatch(/mc_task\.json as well/);
    const alone = await dataFolder(arc(arcRow('a')));
    expect((await rejection(loadTasks({ data: alone }))).message).toMatch(
      /pool of at least 25, found no ARC-Challenge-Train/,
    );
    const few = await dataFolder({ ...arc(arcRow('a')), 'ARC-Challenge-Train.jsonl': lines([arcRow('t')]) });
    expect((await rejection(loadTasks({ data: few, shots: 2 }))).message).toMatch(/pool of at least 2, found 1/);
    const unknown = await rejection(loadTasks({ data: few, tasks: ['arc', 'arc_challenge'] }));
    expect(unknown.kind).toBe('usage');
    expect(unknown.message).toMatch(/--tasks: expected tasks .*arc_challenge.*found "arc"/);
  });
});
