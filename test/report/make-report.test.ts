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

  it('takes files for what they say they are, whatever they are called', async () => {
    const evaluation = await write('gate-report.json', passkey(2));
    const search = await write('search.json', renderJson(sampleView));
    expect((await makeReport({ inputs: [evaluation] })).retrieval).toHaveLength(1);
    expect((await makeReport({ inputs: [search] })).searches).toHaveLength(sampleView.searches.length);
    const folder = await write('run/report.json', passkey(2));
    expect((await makeReport({ inputs: [path.dirname(folder)] })).retrieval).toHaveLength(1);
    await writeFile(folder, '{"format": "coverage"}');
    await writeFile(path.join(path.dirname(folder), 'result.json'), passkey(1));
    expect((await makeReport({ inputs: [path.dirname(folder)] })).retrieval).toHaveLength(1);
  });

  it('refuses two records with other figures, naming both', async () => {
    const [a, b] = [await write('result.json', passkey(2)), await write('result.json', passkey(1))];
    const [problem] = await problemsOf([a, b]);
    expect(problem?.where).toBe(b);
    expect(problem?.expected).toContain(a);
  });

  it('shows what two records have alike once', async () => {
    const { results, ...rest } = JSON.parse(passkey(2));
    const longer = JSON.stringify({ ...rest, results: [...results, { ...results[0], length: 512 }] });
    const view = await makeReport({
      inputs: [await write('result.json', passkey(2)), await write('result.json', longer)],
    });
    expect(view.retrieval).toHaveLength(1);
    expect(view.retrieval[0]?.series[0]?.totals.map(({ length, trials }) => [length, trials])).toEqual([
      [256, 3],
      [512, 3],
    ]);
    expect(() => renderTerminal(view)).not.toThrow();
  });

  it('keeps two models apart that lay at one path', async () => {
    const other = JSON.parse(passkey(2));
    other.model.sha256 = 'b'.repeat(64);
    const inputs = [await write('result.json', passkey(1)), await write('result.json', JSON.stringify(other))];
    const { methods } = await makeReport({ inputs });
    expect(methods.map(({ name }) => name)).toEqual(['tiny (aaaaaaaa) · none', 'tiny (bbbbbbbb) · none']);
  });

  it('refuses one series for two contents of one factor file', async () => {
    const [first, second] = ['a', 'b'].map((letter, i) => {
      const { results, ...rest } = JSON.parse(passkey(2));
      const factorFiles = [{ method: 'factors.json', path: 'factors.json', sha256: letter.repeat(64) }];
      return JSON.stringify({
        ...rest,
        factorFiles,
        results: [{ ...results[0], method: 'factors.json', length: 2 ** i }],
      });
    }) as [string, string];
    const inputs = [await write('result.json', first), await write('result.json', second)];
    const [problem] = await problemsOf(inputs);
    expect([problem?.where, problem?.found]).toEqual([inputs[1], 'a file of that name with other factors (bbbbbbbb)']);
    const view = await makeReport({ inputs: inputs.slice(0, 1) });
    expect(view.inputs.at(-1)).toEqual({ label: 'factors', name: 'factors.json', sha256: HASH });
  });

  it('pairs documents as the perplexity counts them: under released by their windows', async () => {
    const documents = (losses: readonly number[]) =>
      losses.map((meanLoss, i) => ({ id: `${i}`, tokens: [4095, 256][i], windows: [1, 9][i], meanLoss }));
    const result = (method: string, losses: readonly [number, number]) => {
      const meanLoss = (losses[0] + 9 * losses[1]) / 10;
      const where = {
        method,
        length: 4096,
        ratio: 16,
        attentionFactor: 1,
        startTokens: 0,
        protocol: 'released',
        bos: true,
      };
      const figures = { perplexity: Math.exp(meanLoss), meanLoss, interval: null, bootstrap: null, tokens: 6399 };
      return { ...where, ...figures, documents: documents(losses), lossByPosition: [] };
    };
    const { results: _, ...rest } = JSON.parse(passkey(0));
    const results = [result('none', [2.5, 2.2]), result('yarn', [3, 2])];
    const record = JSON.stringify({ ...rest, kind: 'perplexity', results });
    const view = await makeReport({ inputs: [await write('result.json', record)] });
    const [none, yarn] = view.perplexity[0]!.series.map(({ points }) => points[0]!.perplexity as number);
    expect(view.perplexity[0]?.comparisons[0]?.ratio).toBeCloseTo(yarn! / none!, 12);
  });

  it('keeps benchmarks of another number of questions apart', async () => {
    const benchmark = (questions: number) => {
      const { results: _, ...rest } = JSON.parse(passkey(0));
      const samples = Array.from({ length: questions }, (_, i) => {
        return { id: `${i}`, gold: 0, logLikelihoods: [-1, -2], scores: { acc: 1 } };
      });
      const task = { task: 'arc', group: 'arc', shots: 0, prompts: null, headline: 'acc' };
      const metrics = { acc: { value: 1, standardError: 0 } };
      const results = [{ method: `yarn:${questions}`, ...task, metrics, samples }];
      return JSON.stringify({ ...rest, kind: 'benchmark', groups: [], results });
    };
    const inputs = [await write('result.json', benchmark(2)), await write('result.json', benchmark(3))];
    const { benchmarks } = await makeReport({ inputs });
    expect(benchmarks.map(({ tasks, series }) => [tasks[0]?.questions, series.length])).toEqual([
      [2, 1],
      [3, 1],
    ]);
  });

  it('draws the threshold of a RULER record, and keeps two apart', async () => {
    const { results: _, ...rest } = JSON.parse(passkey(0));
    const sample = { id: '0', promptTokens: 250, expected: ['a', 'b'], answer: 'a', score: 0.5 };
    const record = (threshold: number, length: number) => {
      const results = [{ method: 'none', length, task: 'vt', samples: [sample] }];
      return JSON.stringify({ ...rest, kind: 'ruler', threshold, results });
    };
    const inputs = [await write('result.json', record(50, 256)), await write('result.json', record(51, 512))];
    const { ruler } = await makeReport({ inputs });
    expect(ruler.map(({ threshold, series }) => [threshold, series[0]?.effectiveLength])).toEqual([
      [50, 256],
      [51, null],
    ]);
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

  describe('of folders', () => {
    const tree = async (files: Readonly<Record<string, string>>) => {
      const root = await temporaryFolder();
      for (const [name, text] of Object.entries(files)) {
        await mkdir(path.dirname(path.join(root, name)), { recursive: true });
        await writeFile(path.join(root, name), text);
      }
      return root;
    };
    const search = renderJson({ ...sampleView, inputs: [] });

    it('takes the run folders of a search and of an evaluation, alone and together, each once', async () => {
      const files = {
        's/report.json': search,
        's/result.json': '{}',
        's/held-out/result.json': passkey(1),
        'e/result.json': passkey(2),
      };
      const root = await tree(files);
      expect((await makeReport({ inputs: [path.join(root, 's')] })).searches).toHaveLength(sampleView.searches.length);
      const view = await makeReport({ inputs: [root, path.join(root, 's/report.json'), path.join(root, 'e')] });
      expect(view.searches).toEqual(sampleView.searches);
      expect(view.retrieval).toHaveLength(sampleView.retrieval.length + 1);
    });

    it('takes the evaluations of an extension, whose searches are called alike', async () => {
      const files = { 'a/report.json': search, 'b/report.json': search, 'c/passkey/result.json': passkey(2) };
      const root = await tree(
        Object.fromEntries(Object.entries(files).map(([name, text]) => [`stages/${name}`, text])),
      );
      const view = await makeReport({ inputs: [root] });
      expect([view.searches.length, view.retrieval.length]).toEqual([0, 1]);
    });

    it('refuses one without results, to write over an input, and a reference among searches alone', async () => {
      const root = await tree({ 's/report.json': search, 'f/journal.jsonl': '', 'f/model/config.json': '{}' });
      const [nothing] = await problemsOf([path.join(root, 'f')]);
      expect(nothing?.expected).toContain('a run folder of an evaluation (result.json) or a search (report.json)');
      const file = path.join(root, 's/report.json');
      await expect(makeReport({ inputs: [path.join(root, 's')], out: file })).rejects.toThrow(
        /^--out .*one of the inputs/,
      );
      await expect(makeReport({ inputs: [file], reference: 'YaRN' })).rejects.toThrow(
        /^--reference: expected an evaluation/,
      );
    });
  });
});
