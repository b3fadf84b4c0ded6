import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type EvaluationRecord, type Measure, type RecordOf, runGate } from '../../src/evaluation/index.js';
import { evaluateGate } from '../../src/workflow/evaluate-gate.js';
import { longrope } from '../helpers/cli.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const LIMITS = { maxPerplexityIncrease: 2, maxAccuracyDrop: 1, onlySignificant: false };

const asked = (what: string, identity = 'a') => [{ what, identity, shown: identity }];

function losses(values: readonly number[], tokens: readonly number[] = []): Measure {
  const name = 'perplexity at 256';
  const own = new Map(values.map((value, i) => [`book ${i}`, value]));
  const weights = new Map(values.map((_, i) => [`book ${i}`, tokens[i] ?? 255]));
  return { name, kind: 'perplexity', asked: asked('texts'), values: own, weights };
}

function scores(right: number, of: number): Measure {
  const values = Array.from({ length: of }, (_, i) => [`question ${i}`, i < right ? 1 : 0] as const);
  const weights = new Map(values.map(([id]) => [id, 1]));
  return {
    name: 'arc_challenge acc_norm',
    kind: 'accuracy',
    asked: asked('questions'),
    values: new Map(values),
    weights,
  };
}

describe('the gate', () => {
  it('compares perplexities in percent, paired over documents', () => {
    const before = [4, 4.2, 3.8];
    const [row] = runGate([losses(before)], [losses(before.map((loss) => loss + 0.03))], LIMITS);
    expect(row?.change).toBeCloseTo(100 * (Math.exp(0.03) - 1), 9);
    expect(row?.before).toBeCloseTo(Math.exp(4), 9);
    expect(row?.interval?.low).toBeCloseTo(row?.change as number, 6);
    expect(row).toMatchObject({ passed: false, pairs: 3 });
  });

  it('counts a document as often as its tokens are scored, as the perplexity does', () => {
    const [row] = runGate([losses([4, 5], [300, 100])], [losses([4.1, 5], [300, 100])], LIMITS);
    expect(row?.before).toBeCloseTo(Math.exp((3 * 4 + 5) / 4), 9);
    expect(row?.change).toBeCloseTo(100 * (Math.exp(0.075) - 1), 9);
  });

  it('lets through what is better, and what is worse by no more than the limit', () => {
    const before = losses([4, 4.2]);
    expect(runGate([before], [losses([3, 3.2])], LIMITS)[0]?.passed).toBe(true);
    expect(runGate([before], [losses([4.019, 4.219])], LIMITS)[0]?.passed).toBe(true);
    expect(runGate([scores(50, 100)], [scores(49, 100)], LIMITS)[0]).toMatchObject({ change: -1, passed: true });
    expect(runGate([scores(50, 100)], [scores(48, 100)], LIMITS)[0]).toMatchObject({ change: -2, passed: false });
  });

  it('can ask for significance', () => {
    const significant = { ...LIMITS, onlySignificant: true };
    // Two of 100 questions lost says little, twenty much.
    expect(runGate([scores(50, 100)], [scores(48, 100)], significant)[0]?.passed).toBe(true);
    expect(runGate([scores(50, 100)], [scores(30, 100)], significant)[0]?.passed).toBe(false);
  });

  it('fails on a loss that is not finite', () => {
    const after = losses([Number.POSITIVE_INFINITY, 4.2]);
    for (const onlySignificant of [false, true])
      expect(runGate([losses([4, 4.2])], [after], { ...LIMITS, onlySignificant })[0]?.passed).toBe(false);
  });

  it('fails on a question without a score', () => {
    const after = { ...scores(5, 10), values: new Map(scores(5, 10).values).set('question 9', Number.NaN) };
    for (const onlySignificant of [false, true])
      expect(runGate([scores(5, 10)], [after], { ...LIMITS, onlySignificant })[0]?.passed).toBe(false);
  });

  it('refuses what only one side has', async () => {
    const both = [losses([4, 4.2]), scores(5, 10)];
    for (const [before, after, side] of [
      [both, both.slice(1), 'after'],
      [both.slice(1), both, 'before'],
    ] as const)
      expect((await rejection((async () => runGate(before, after, LIMITS))())).problems).toEqual([
        { where: 'perplexity at 256', expected: `the same measure ${side}`, found: 'none' },
      ]);
  });

  it('refuses what cannot be compared, all at once', async () => {
    const other = { ...scores(5, 10), asked: asked('questions', 'b') };
    const run = async () => runGate([losses([4, 4.2]), scores(5, 10)], [losses([4]), other], LIMITS);
    const { problems } = await rejection(run());
    expect(problems.map(({ where }) => where)).toEqual(['perplexity at 256', 'arc_challenge acc_norm']);
    expect((await rejection((async () => runGate([], [], LIMITS))())).message).toContain('found none');
  });
});

const SHA = 'a'.repeat(64);

function record(loss: number, length = 256): EvaluationRecord {
  return {
    format: 'longrope-evaluation/1',
    kind: 'perplexity',
    version: '0',
    engine: 'test',
    command: 'test',
    model: { path: 'model', sha256: SHA, originalLength: 256 },
    tokenizer: { path: 'model', sha256: SHA },
    factorFiles: [],
    inputs: [{ label: 'texts', name: 'books', sha256: SHA }],
    protocol: 'document',
    notes: [],
    results: [
      {
        method: 'none',
        length,
        ratio: length / 256,
        attentionFactor: 1,
        startTokens: 0,
        protocol: 'document',
        bos: true,
        perplexity: Math.exp(loss),
        meanLoss: loss,
        interval: null,
        bootstrap: null,
        tokens: 255,
        documents: [
          { id: 'a', tokens: 255, windows: 1, meanLoss: loss },
          { id: 'b', tokens: 255, windows: 1, meanLoss: loss + 0.1 },
        ],
        lossByPosition: [],
      },
    ],
  };
}

const OTHER = 'b'.repeat(64);

function benchmark(
  changes: Partial<RecordOf<'benchmark'>> = {},
  prompts: string | null = SHA,
  bos: boolean | null = true,
): EvaluationRecord {
  const { kind: _, results: __, ...header } = record(4);
  return {
    ...header,
    kind: 'benchmark',
    inputs: [{ label: 'questions', name: 'ARC-Challenge-Test.jsonl', sha256: SHA }],
    groups: [],
    results: [
      {
        method: 'none',
        task: 'arc_challenge',
        group: 'arc_challenge',
        shots: 25,
        prompts,
        bos,
        headline: 'acc_norm',
        metrics: { acc_norm: { value: 0.5, standardError: 0.5 } },
        samples: [0, 1].map((score) => ({
          id: `q${score}`,
          gold: 0,
          logLikelihoods: [-1, -2],
          scores: { acc_norm: score },
        })),
      },
    ],
    ...changes,
  };
}

async function runFolder(parent: string, name: string, content: unknown): Promise<string> {
  const folder = path.join(parent, name);
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'result.json'), JSON.stringify(content));
  return folder;
}

describe('evaluate gate', () => {
  it('has an exit code of its own for a loss past the limit, and says which', async () => {
    const parent = await temporaryFolder();
    const before = await runFolder(parent, 'before/perplexity', record(4));
    const after = await runFolder(parent, 'after', record(4.1));
    // A folder of run folders stands for all of them.
    const failed = await longrope(['evaluate', 'gate', path.dirname(before), after]);
    expect(failed.code).toBe(7);
    expect(failed.stdout).toContain('gate failed');
    expect(failed.stderr).toBe('error: perplexity at 256: expected at most 2 % more, found +10.52 %\n');
    const passed = await longrope(['evaluate', 'gate', before, after, '--max-perplexity-increase', '11%', '--json']);
    expect(passed.code).toBe(0);
    expect(JSON.parse(passed.stdout)).toMatchObject({ format: 'longrope-gate/1', passed: true });
  });

  it('refuses another tokenizer, other texts, questions or prompts, and says which of them', async () => {
    const parent = await temporaryFolder();
    const gate = async (before: unknown, after: unknown) =>
      evaluateGate({
        ...LIMITS,
        before: await runFolder(parent, 'old', before),
        after: await runFolder(parent, 'new', after),
      });
    const tokenizer = { path: 'other', sha256: OTHER };
    for (const [before, after, name] of [
      [record(4), { ...record(4), tokenizer }, 'perplexity at 256'],
      [benchmark(), benchmark({ tokenizer }), 'arc_challenge acc_norm'],
    ] as const)
      expect((await rejection(gate(before, after))).problems).toEqual([
        {
          where: name,
          expected: 'the same tokenizer after, that of model (aaaaaaaa)',
          found: 'that of other (bbbbbbbb)',
          fix: 'evaluate both with one --tokenizer',
        },
      ]);
    const inputs = [{ label: 'texts', name: 'letters', sha256: OTHER }];
    expect((await rejection(gate(record(4), { ...record(4), inputs, protocol: 'sliding' }))).message).toBe(
      'perplexity at 256: expected the same texts after, books (aaaaaaaa), found letters (bbbbbbbb)\n' +
        'perplexity at 256: expected the same protocol after, document, found sliding',
    );
    expect((await rejection(gate(benchmark(), benchmark({ inputs })))).message).toMatch(
      /the same question files after/,
    );
    expect((await rejection(gate(benchmark(), benchmark({}, OTHER)))).message).toMatch(/the same prompts after, aaaa/);
    expect((await rejection(gate(benchmark(), benchmark({}, null)))).message).toMatch(/found not recorded/);
    expect((await rejection(gate(benchmark(), benchmark({}, SHA, false)))).message).toMatch(
      /the same BOS after, one first, found none/,
    );
    // A longer limit of tokens stands in the protocol; where it cuts nothing, the prompts are the same.
    expect((await gate(benchmark(), benchmark({ protocol: 'at most 8192 tokens' }))).passed).toBe(true);
  });

  it('leaves out what an extended model calls its own length', async () => {
    const parent = await temporaryFolder();
    const old = record(4) as RecordOf<'perplexity'>;
    const model = { ...old.model, originalLength: 1024 };
    const results = [...old.results, ...(record(9, 512) as RecordOf<'perplexity'>).results];
    const before = await runFolder(parent, 'old', old);
    const { rows } = await evaluateGate({
      ...LIMITS,
      before,
      after: await runFolder(parent, 'new', { ...old, model, results }),
    });
    expect(rows.map(({ name }) => name)).toEqual(['perplexity at 256']);
  });

  it('refuses a method whose file was written anew between two records', async () => {
    const parent = await temporaryFolder();
    const file = (sha256: string) => [{ method: 'none', path: 'factors.json', sha256 }];
    const before = await runFolder(parent, 'old', record(4));
    await runFolder(parent, 'new/a', { ...record(4), factorFiles: file(SHA) });
    await runFolder(parent, 'new/b', { ...benchmark(), factorFiles: file(OTHER) });
    const job = { ...LIMITS, before, after: path.join(parent, 'new') };
    expect((await rejection(evaluateGate(job))).message).toContain('written anew between the evaluations');
  });

  it('does not compare lengths beyond the original, nor records it cannot read', async () => {
    const parent = await temporaryFolder();
    const long = await runFolder(parent, 'long', record(4, 512));
    const broken = await runFolder(parent, 'broken', { ...record(4), results: [{ method: 'none' }], format: 'x' });
    const job = { ...LIMITS, before: long, after: long };
    expect((await rejection(evaluateGate(job))).message).toContain('found none');
    const { problems } = await rejection(evaluateGate({ ...job, before: broken }));
    expect(problems.length).toBeGreaterThan(3);
    expect(problems.every(({ where }) => where.startsWith(path.join(broken, 'result.json')))).toBe(true);
    expect((await rejection(evaluateGate({ ...job, before: parent, after: 'nowhere' }))).message).toContain('broken');
    expect((await rejection(evaluateGate({ ...job, after: 'nowhere' }))).message).toContain('nowhere');
    expect((await rejection(evaluateGate({ ...job, beforeMethod: 'yarn' }))).message).toContain('one of none');
  });
});
