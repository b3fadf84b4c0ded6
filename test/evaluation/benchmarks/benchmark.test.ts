import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTokenizer } from '../../../src/corpus/index.js';
import {
  contextOf,
  continuationsOf,
  drawExamples,
  evaluationRecordSchema,
  loadTasks,
  parseRopeMethod,
} from '../../../src/evaluation/index.js';
import { loadModel } from '../../../src/model/index.js';
import { openEngine } from '../../../src/runtime/index.js';
import { evaluateBenchmark } from '../../../src/workflow/evaluate-benchmark.js';
import { longrope } from '../../helpers/cli.js';
import { rejection } from '../../helpers/rejection.js';
import { SHARED } from '../../helpers/stories260k.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { TINY } from '../../helpers/tiny-model.js';

const DATA = path.join(SHARED, 'data/benchmarks');

const ROW = {
  id: 'q1',
  question: {
    stem: 'Why?',
    choices: [
      { text: 'a', label: 'A' },
      { text: 'b', label: 'B' },
    ],
  },
  answerKey: 'A',
};

async function arcFolder(lines: readonly string[]): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'arc'));
  await cp(path.join(DATA, 'arc/ARC-Challenge-Train.jsonl'), path.join(folder, 'arc/ARC-Challenge-Train.jsonl'));
  await writeFile(path.join(folder, 'arc/ARC-Challenge-Test.jsonl'), lines.join('\n'));
  return folder;
}

describe('malformed benchmark files', () => {
  it('are refused with every problem, each with its file and line', async () => {
    const rows = [
      JSON.stringify(ROW),
      '{"id": "q2", ',
      JSON.stringify({ ...ROW, id: 'q3', answerKey: 'E' }),
      JSON.stringify({ ...ROW, id: 'q4', question: { choices: ROW.question.choices } }),
      JSON.stringify(ROW),
      JSON.stringify({ ...ROW, id: 'q6', question: { stem: 'Why?', choices: 'none' } }),
    ];
    const data = await arcFolder(rows);
    const { problems } = await rejection(loadTasks({ data, tasks: ['arc_challenge'] }));
    const found = problems.map(({ where }) => /ARC-Challenge-Test\.jsonl.*?(\d+)/.exec(where)?.[1]);
    expect(new Set(found)).toEqual(new Set(['2', '3', '4', '5', '6']));
  });

  it('end the command with one clear message', async () => {
    const data = await arcFolder([JSON.stringify({ ...ROW, answerKey: 'Z' })]);
    const { code, stderr } = await longrope(['evaluate', 'benchmark', TINY, '--data', data]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error: .*ARC-Challenge-Test\.jsonl/);
    expect(stderr).not.toContain('    at ');
    const empty = await longrope(['evaluate', 'benchmark', TINY, '--data', await temporaryFolder()]);
    expect(empty.code).toBe(3);
    const unknown = await longrope(['evaluate', 'benchmark', TINY, '--data', DATA, '--tasks', 'arc_chalenge']);
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toContain('arc_challenge');
  });
});

describe('evaluate benchmark', () => {
  it('gives each choice the log-likelihood of its tokens after the prompt, and resumes to the same record', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const job = {
      model: TINY,
      methods: ['none'],
      command: 'test',
      data: DATA,
      tasks: ['arc_challenge', 'mmlu_anatomy'],
      shots: 1,
      limit: 3,
      maxLength: 1024,
      out,
    };
    const record = await evaluateBenchmark(job);
    expect(evaluationRecordSchema.parse(record)).toEqual(record);
    expect(await evaluateBenchmark(job)).toEqual(record);
    expect(JSON.parse(await readFile(path.join(out, 'result.json'), 'utf8'))).toEqual(record);

    const model = await loadModel(TINY);
    const tokenizer = await openTokenizer(TINY);
    const { resolve } = await parseRopeMethod('none', model.spec.rope);
    const engine = await openEngine(model, { maxLength: 1024 });
    const { tasks } = await loadTasks(job);
    let largest = 0;
    for (const [t, task] of tasks.entries()) {
      const examples = drawExamples(task, 1234);
      for (const [q, question] of task.questions.entries()) {
        const context = contextOf(task, question, examples[q] as readonly number[]);
        for (const [c, continuation] of continuationsOf(question).entries()) {
          const bos = tokenizer.addsBos ? [tokenizer.bosTokenId as number] : [];
          const whole = Int32Array.of(...bos, ...tokenizer.encode(context + continuation));
          const scoreFrom = bos.length + tokenizer.encode(context).length;
          const losses = await engine.tokenLosses({ ids: whole, scoreFrom, rope: resolve(whole.length) });
          const ours = record.results[t]?.samples[q]?.logLikelihoods[c] as number;
          largest = Math.max(largest, Math.abs(ours + losses.reduce((sum, loss) => sum + loss, 0)));
        }
      }
    }
    await engine.close();
    console.log(`log-likelihoods with shared prefixes: largest difference ${largest.toExponential(1)}`);
    expect(largest).toBeLessThan(1e-4);
  });
});
