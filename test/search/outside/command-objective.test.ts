import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Candidate,
  createAlgorithm,
  openCommandObjective,
  parseBudget,
  runSearch,
  type SearchOptions,
} from '../../../src/search/index.js';
import { rejection } from '../../helpers/rejection.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { waitFor } from '../../helpers/wait-for.js';
import { searchProblem } from '../problem.js';
import { expectNoneAlive, fakeCommand, isAlive, startedProcesses } from './fake-command.js';

const problem = searchProblem({ pairs: 8 });
const [candidate] = createAlgorithm('cma-es', problem, undefined, 1).ask() as [Candidate];

interface Setting {
  readonly hello?: object;
  readonly workers?: number;
  readonly timeoutSeconds?: number;
  readonly algorithm?: string;
  readonly onStderr?: (line: string) => void;
  readonly search?: Partial<SearchOptions>;
}

/** A whole search with the fake command; every process it started must be gone at its end. */
async function search(mode: string, { hello, algorithm = 'cma-es', search: more, ...setting }: Setting = {}) {
  const folder = await temporaryFolder();
  const out = path.join(folder, 'run');
  const { workers = 1 } = setting;
  try {
    const outside = await openCommandObjective({
      command: fakeCommand(mode, folder, hello),
      problem,
      workers,
      ...setting,
    });
    try {
      const { objective, heldOut } = outside;
      const result = await runSearch({
        problem,
        algorithm: createAlgorithm(algorithm, problem, undefined, 1),
        seed: 1,
        objective,
        ...(heldOut && { heldOut }),
        budget: parseBudget('35evals'),
        runDirectory: out,
        inputs: {},
        ...more,
      });
      return { result, journal: await readFile(path.join(out, 'journal.jsonl'), 'utf8'), folder };
    } finally {
      await outside.close?.();
    }
  } finally {
    await expectNoneAlive(folder);
  }
}

describe('a command', () => {
  it('is searched, with held-out documents; workers and the order of answers change nothing', async () => {
    const one = await search('slow');
    const three = await search('slow', { workers: 3 });
    expect(three.result).toEqual(one.result);
    expect(three.journal).toBe(one.journal);
    expect(await startedProcesses(three.folder)).toHaveLength(3);
    expect(await startedProcesses(one.folder)).toHaveLength(1);
    expect(one.result.heldOut?.documents).toEqual(['dddd', 'eeeee']);
    const [searched, ...others] = one.result.heldOut?.scores ?? [];
    for (const other of others) expect(searched?.loss).toBeLessThan(other.loss);
    // The quadratic, by hand.
    const { factors, attentionFactor } = one.result.winner.candidate;
    const errors = [...factors].map((factor, pair) => Math.log(factor / (1 + pair / 4)) ** 2);
    const excess = errors.reduce((sum, error) => sum + error, 0) / 8 + Math.log(attentionFactor / 1.1) ** 2;
    expect(one.result.winner.documentLosses).toEqual(
      [3.1, 3.2, 3.3].map((level) => expect.closeTo(level + excess, 12)),
    );
  });

  it('that gives gradients is searched by gradient descent, and gets further with them', async () => {
    const more = { search: { budget: parseBudget('50evals') } };
    const { result } = await search('ok', { ...more, hello: { gradients: true }, algorithm: 'gradient' });
    const { result: other } = await search('ok', more);
    expect(result.winner.loss).toBeLessThan(other.winner.loss);
  });

  it('without gradients is not', async () => {
    const error = await rejection(search('ok', { algorithm: 'gradient' }));
    expect(error.kind).toBe('unsupported');
    expect(error.message).toContain('search with cma-es');
  });

  it('may find losses that are not finite', async () => {
    const { result, journal } = await search('some null');
    expect(Number.isFinite(result.winner.loss)).toBe(true);
    expect(journal).toContain('"lossSum":null');
    expect((await rejection(search('null'))).message).toContain('expected a finite loss for at least one candidate');
  });

  it('that crashes once is started again, and the result is the same', async () => {
    const few = {
      search: { budget: parseBudget('15evals') },
      hello: { heldOut: [], documents: [{ name: 'a', tokens: 100 }] },
    };
    const { result } = await search('ok', few);
    const once = await search('crashes once', few);
    expect(once.result).toEqual(result);
    expect(await startedProcesses(once.folder)).toHaveLength(2);
    expect((await search('crashes after it answered', few)).result).toEqual(result);
  });

  it('is heard on standard error', async () => {
    const heard: string[] = [];
    await ask('logs', { onStderr: (line) => heard.push(line) });
    expect(heard).toEqual(['loaded']);
  });

  it('ends with all that it started', async () => {
    const { folder } = await search('child');
    const child = Number(await readFile(path.join(folder, 'child'), 'utf8'));
    await waitFor(async () => !isAlive(child));
  });

  it('that ends neither with its input nor when it is asked to is killed', async () => {
    await ask('stubborn');
  });

  it('is left by an abort at once, and can be asked again', async () => {
    const folder = await temporaryFolder();
    const outside = await openCommandObjective({ command: fakeCommand('slow', folder), problem });
    const { objective } = outside;
    const request = { candidate, document: 0 };
    const controller = new AbortController();
    const cut = objective.evaluate([request, { ...request, document: 1 }], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(cut).rejects.toThrow('enough');
    const [loss] = await objective.evaluate([{ ...request, document: 2 }]);
    expect(loss?.lossSum).toBeGreaterThan(330);
    expect(await startedProcesses(folder)).toHaveLength(1);
    await outside.close?.();
    await expectNoneAlive(folder);
  });
});

/** A request that is given up once it is on its way, and the next. */
async function askAfterAbort(mode: string, timeoutSeconds: number) {
  const folder = await temporaryFolder();
  const { objective, close } = await openCommandObjective({
    command: fakeCommand(mode, folder),
    problem,
    timeoutSeconds,
  });
  try {
    const controller = new AbortController();
    const cut = objective.evaluate([{ candidate, document: 0 }], { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 100);
    await expect(cut).rejects.toThrow('enough');
    return await objective.evaluate([{ candidate, document: 1 }]);
  } finally {
    await close?.();
    await expectNoneAlive(folder);
  }
}

describe('the time for an answer', () => {
  it('is not that of one that was given up before', async () => {
    expect(await askAfterAbort('seconds', 3)).toHaveLength(1);
  });

  it('ends the wait for one that was given up and never comes', async () => {
    const error = await rejection(askAfterAbort('hangs', 2));
    expect(error.message).toMatch(/document a: expected an answer within 2 s, found none/);
  });
});

/** Some losses outside of a search. */
async function ask(mode: string, { hello = {}, ...setting }: Setting = {}) {
  const folder = await temporaryFolder();
  try {
    const command = fakeCommand(mode, folder, hello);
    const { objective, close } = await openCommandObjective({ command, problem, ...setting });
    try {
      const gradient = objective.gradients;
      return await objective.evaluate([0, 1, 2, 0, 1, 2].map((document) => ({ candidate, document, gradient })));
    } finally {
      await close?.();
    }
  } finally {
    await expectNoneAlive(folder);
  }
}

describe('one clear error for a command that', () => {
  it.each<[mode: string, kind: string, message: RegExp, setting?: Setting]>([
    [
      'NaN',
      'input',
      /^objective command, document a: expected a line of JSON, found .*NaN.*; JSON has no NaN: null stands/,
    ],
    ['garbage', 'input', /expected a line of JSON, found Segmentation fault; only answers belong on standard output/],
    ['banner', 'input', /first line: expected a line of JSON, found loading the model/],
    ['endless line', 'input', /expected lines of at most 4194304 characters/],
    ['tokens', 'input', /document a: expected 100 scored tokens, as announced, found 99$/],
    ['order', 'input', /expected the answer to request 1, found that to 2$/],
    ['talks', 'input', /expected (nothing before it is asked|the answer to request 2), found/],
    ['unknown key', 'input', /Unrecognized key.*"loss"/],
    ['error', 'resource', /document a: expected a loss, found out of GPU memory; the same search resumes/],
    ['crashes', 'resource', /expected an answer, found .* ended twice with signal SIGSEGV \(CUDA error\)/],
    ['exits', 'resource', /ended twice with exit code 0/],
    ['dies at hello', 'resource', /first line: expected an answer, found .* ended with exit code 3/],
    [
      'hangs',
      'resource',
      /document a: expected an answer within 2 s, found none; the command must flush/,
      { timeoutSeconds: 2 },
    ],
    ['silent', 'resource', /first line: expected an answer within 0.2 s/, { timeoutSeconds: 0.2 }],
    ['fickle', 'input', /every process of it to say the same, .*"tokens":100.*found .*"tokens":101/, { workers: 2 }],
    ['no gradient', 'input', /a gradient, as it was asked for/, { hello: { gradients: true } }],
    ['short gradient', 'input', /a gradient of 8 factors, found one of 1/, { hello: { gradients: true } }],
    [
      'ok',
      'input',
      /first line: expected .*longrope-objective\/1.*protocol/,
      { hello: { protocol: 'longrope-objective/2' } },
    ],
    ['ok', 'input', /documents/, { hello: { documents: [] } }],
    ['ok', 'input', /Unrecognized key.*"heldout"/, { hello: { heldout: [] } }],
    [
      'ok',
      'input',
      /documents with a name of their own, found a twice/,
      { hello: { heldOut: [{ name: 'a', tokens: 100 }] } },
    ],
  ])('%s (%s)', async (mode, kind, message, setting) => {
    const error = await rejection(ask(mode, setting));
    expect(error.message).toMatch(message);
    expect(error.kind).toBe(kind);
    expect(error.problems).toHaveLength(1);
  });

  it('is none', async () => {
    const error = await rejection(openCommandObjective({ command: 'no-such-program --flag', problem }));
    expect(error.kind).toBe('usage');
    expect(error.message).toContain('expected a program that can be started');
  });
});

it('a command that fails leaves a run that goes on where it was, and only with the same documents', async () => {
  const folder = await temporaryFolder();
  const run = async (mode: string, hello: object = {}, timeoutSeconds = 60) => {
    const outside = await openCommandObjective({
      command: fakeCommand(mode, folder, hello),
      problem,
      timeoutSeconds,
    });
    try {
      const algorithm = createAlgorithm('cma-es', problem, undefined, 1);
      const { objective, heldOut } = outside;
      return await runSearch({
        ...{ problem, algorithm, seed: 1, objective, budget: parseBudget('35evals'), inputs: {} },
        ...(heldOut && { heldOut }),
        runDirectory: path.join(folder, 'run'),
      });
    } finally {
      await outside.close?.();
    }
  };
  expect((await rejection(run('hangs late', {}, 3))).message).toContain('an answer within 3 s');
  const others = await rejection(run('ok', { documents: ['a', 'bb', 'dd'].map((name) => ({ name, tokens: 100 })) }));
  expect(others.kind).toBe('input');
  expect(others.message).toMatch(/manifest.json, documents: expected .*ccc.*, as the run was begun, found .*dd/);
  const lied = await rejection(run('ok', { heldOut: [{ name: 'dddd', tokens: 7 }] }));
  expect(lied.message).toContain('heldOut');
  expect(await run('ok')).toEqual((await search('ok')).result);
});
