import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { type ReportView, renderJson, renderTerminal } from '../../src/report/index.js';
import { makeReport } from '../../src/workflow/report.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { sampleView } from './sample-view.js';

async function write(name: string, text: string): Promise<string> {
  const file = path.join(await temporaryFolder(), name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const HASH = 'a'.repeat(64);
const trial = (depth: number, correct: boolean) => ({
  id: `${depth}`,
  depth,
  promptTokens: 250,
  expected: ['12345'],
  answer: correct ? '12345' : '',
  found: Number(correct),
  correct,
});

function passkey(hits: number): string {
  return JSON.stringify({
    format: 'longrope-evaluation/1',
    version: '0.1.0',
    engine: 'test',
    command: 'npx longrope evaluate passkey models/tiny',
    model: { path: 'models/tiny', sha256: HASH, originalLength: 256 },
    tokenizer: { path: 'models/tiny', sha256: HASH },
    inputs: [],
    protocol: 'passkey of the test',
    notes: [],
    kind: 'passkey',
    results: [{ method: 'none', length: 256, trials: [0, 0.5, 1].map((depth, i) => trial(depth, i < hits)) }],
  });
}

async function problemsOf(inputs: readonly string[]) {
  const error = await makeReport({ inputs }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).problems;
}

describe('makeReport', () => {
  it('shows a record as a table, with its counts and Wilson interval', async () => {
    const text = renderTerminal(await makeReport({ inputs: [await write('result.json', passkey(2))] }));
    // Wilson 95 % of 2 in 3, by hand: centre (2/3 + z^2/6) / (1 + z^2/3), z = 1.96.
    expect(text).toContain('2/3 (20.8–93.9%)');
    expect(text).toMatch(/100% +0\/1/);
  });

  it('refuses two records with other figures, naming both', async () => {
    const [a, b] = [await write('result.json', passkey(2)), await write('result.json', passkey(1))];
    const [problem] = await problemsOf([a, b]);
    expect(problem?.where).toBe(b);
    expect(problem?.expected).toContain(a);
  });

  it('refuses a report that is not there, without a stack', async () => {
    expect((await problemsOf(['nowhere/report.json']))[0]?.where).toBe('nowhere/report.json');
  });

  it('refuses one name for two models', async () => {
    const search = await write('report.json', renderJson(sampleView));
    const problems = await problemsOf([search, await write('result.json', passkey(2))]);
    expect(problems.map(({ found }) => found)).toEqual(["'none'"]);
  });

  it('puts a search and an evaluation of the same model on one page', async () => {
    const inputs = sampleView.inputs.map((input) => (input.label === 'model' ? { ...input, sha256: HASH } : input));
    const ours: ReportView = { ...sampleView, inputs };
    const view = await makeReport({
      inputs: [await write('report.json', renderJson(ours)), await write('result.json', passkey(2))],
    });
    expect(view.retrieval).toHaveLength(sampleView.retrieval.length + 1);
    expect(view.searches).toEqual(sampleView.searches);
    expect(view.command.split('\n')).toHaveLength(2);
  });
});
