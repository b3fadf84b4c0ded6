import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReport } from '../../src/report/index.js';
import { makeCandidate } from '../../src/search/candidate.js';
import { openCommandObjective } from '../../src/search/index.js';
import { findLlamaCpp } from '../../src/verify/llama-cpp.js';
import { longrope, PROJECT, startLongrope } from '../helpers/cli.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';
import { waitFor } from '../helpers/wait-for.js';
import { expectNoneAlive, fakeCommand } from '../search/outside/fake-command.js';
import { excessLoss, searchProblem } from '../search/problem.js';

const BOOK = path.join(SHARED, 'data/pg19/test/10146.txt');
const HELD_OUT = path.join(SHARED, 'data/pg19/test/10321.txt');
const example = (name: string) => path.join(PROJECT, 'examples', `${name}-objective`);

const search = (model: string, out: string, ...more: string[]) => [
  'search',
  model,
  '--target',
  '512',
  '--out',
  out,
  ...more,
];
const outside = (out: string, command: readonly string[], ...more: string[]) =>
  search(
    path.join(TINY, 'config.json'),
    out,
    '--objective-command',
    command.map((word) => `'${word}'`).join(' '),
    ...more,
  );

describe('our own engine as an outside objective', () => {
  it.each([
    ['cma-es', '22evals'],
    ['auto', '16evals'],
  ])('ends with the bits of the built-in search (%s)', async (algorithm, budget) => {
    const folder = await temporaryFolder();
    const texts = ['--text', BOOK, '--held-out', HELD_OUT];
    const options = ['--algorithm', algorithm, '--budget', budget];
    const command = ['node', path.join(example('own-engine'), 'objective.js'), TINY, ...texts];
    const inside = await longrope(search(TINY, path.join(folder, 'inside'), ...texts, ...options));
    const other = await longrope(outside(path.join(folder, 'outside'), command, ...options));
    expect([inside.stderr, other.stderr]).toEqual(['', '']);
    for (const name of ['journal.jsonl', 'result.json', 'factors.csv', 'factors.json', 'config.json']) {
      const [a, b] = await Promise.all(
        ['inside', 'outside'].map((run) => readFile(path.join(folder, run, name), 'utf8')),
      );
      expect(b, name).toBe(a);
    }
    const report = parseReport(await readFile(path.join(folder, 'outside/report.json'), 'utf8'), 'report.json');
    expect(report.notes[0]).toContain(algorithm === 'auto' ? 'gradient: the objective gives gradients' : 'fine-tuned');
    expect(report.perplexity[0]?.series.map(({ name }) => name)).toEqual([
      'none',
      'PI',
      'NTK',
      'YaRN',
      'half-turn',
      'searched',
    ]);
  });
});

describe('a command', () => {
  const hello = { documents: [{ name: 'a', tokens: 100 }] };

  it('killed with its search and resumed gives the bytes of an undisturbed run, and no process stays', async () => {
    const folder = await temporaryFolder();
    const out = path.join(folder, 'run');
    const words = outside(out, fakeCommand('slow', folder, hello), '--budget', '40evals', '--workers', '2');
    const first = await longrope(words);
    expect(first.stderr).toBe('');
    const files = ['journal.jsonl', 'result.json', 'report.json', 'report.html', 'factors.json'];
    const contents = () => Promise.all(files.map((name) => readFile(path.join(out, name), 'utf8')));
    const undisturbed = await contents();
    await rm(out, { recursive: true });
    for (let lines = 5; lines < 30; lines += 12) {
      const process = startLongrope(words);
      const ended = once(process, 'exit');
      await waitFor(async () => (await readFile(path.join(out, 'journal.jsonl'), 'utf8')).split('\n').length > lines);
      process.kill('SIGKILL');
      await ended;
      await expectNoneAlive(folder);
    }
    expect((await longrope(words)).stdout).toBe(first.stdout);
    expect(await contents()).toEqual(undisturbed);
    // A finished run asks for no loss: the command would not give one.
    const shown = await longrope(
      outside(out, fakeCommand('hangs', folder, hello), '--budget', '40evals', '--workers', '2'),
    );
    expect(shown.code).toBe(0);
  });

  it('that hangs is left by Ctrl-C', async () => {
    const folder = await temporaryFolder();
    const out = path.join(folder, 'run');
    const process = startLongrope(outside(out, fakeCommand('hangs', folder)));
    const ended = once(process, 'exit');
    await waitFor(async () => (await readdir(out)).includes('journal.jsonl'));
    process.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    await expectNoneAlive(folder);
    expect((await readdir(out)).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  it.each<[why: string, words: (out: string) => string[], code: number, message: RegExp]>([
    ['crashes', (out) => outside(out, fakeCommand('crashes', path.dirname(out))), 5, /ended twice with signal SIGSEGV/],
    [
      'has no gradients',
      (out) => outside(out, fakeCommand('ok', path.dirname(out)), '--algorithm', 'gradient'),
      6,
      /search with cma-es/,
    ],
    [
      'has its own texts',
      (out) => outside(out, ['x'], '--text', BOOK, '--device', 'cpu', '--threads', '1'),
      2,
      /found --text, --device, --threads; give them to the command/,
    ],
    ['is none', (out) => search(TINY, out), 2, /expected --text .* or --objective-command .*, found neither/],
    [
      'is not there to wait for',
      (out) => search(TINY, out, '--text', BOOK, '--objective-timeout', '9s'),
      2,
      /--objective-timeout/,
    ],
    ['cannot be started', (out) => outside(out, ['no-such-program']), 2, /expected a program that can be started/],
    [
      'has a time without a unit',
      (out) => outside(out, ['x'], '--objective-timeout', '9'),
      2,
      /Expected a time such as 90s/,
    ],
  ])('that %s is refused', async (_, words, code, message) => {
    const out = path.join(await temporaryFolder(), 'run');
    const result = await longrope(words(out));
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toMatch(/\n\s+at |node:internal/);
    expect(result.code).toBe(code);
  });

  it('is told a geometry that is three keys of a config', async () => {
    const folder = await temporaryFolder();
    const config = path.join(folder, 'config.json');
    await writeFile(config, JSON.stringify({ head_dim: 16, rope_theta: 10_000, max_position_embeddings: 256 }));
    const words = search(config, path.join(folder, 'run'), '--budget', '15evals', '--objective-command');
    const result = await longrope([
      ...words,
      fakeCommand('logs', folder, hello)
        .map((word) => `'${word}'`)
        .join(' '),
    ]);
    expect(result.stderr).toBe('objective: loaded\n');
    const { factors } = JSON.parse(await readFile(path.join(folder, 'run/factors.json'), 'utf8')) as {
      factors?: number[];
    };
    expect(factors ?? (await readFile(path.join(folder, 'run/factors.csv'), 'utf8')).trim().split('\n')).toHaveLength(
      8,
    );
  });
});

describe('a model behind HTTP', () => {
  const problem = searchProblem({ ratio: 2 });
  const answers: unknown[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const reply = (body: unknown) => response.end(JSON.stringify(body));
    if (request.url === '/objective?targetLength=512')
      return reply({
        name: 'a server',
        documents: [{ name: 'a', tokens: 511 }],
        heldOut: [{ name: 'b', tokens: 511 }],
      });
    const { factors, attentionFactor, startTokens } = JSON.parse(Buffer.concat(chunks).toString());
    if (attentionFactor > 1.2) return response.writeHead(503).end();
    const excess = excessLoss(problem, makeCandidate(factors, attentionFactor, startTokens));
    answers.push(excess);
    return reply({ lossSum: 511 * (3 + excess), tokens: 511 });
  });
  let url: string;
  beforeAll(async () => {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it('is searched', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const command = ['python3', path.join(example('http'), 'objective.py'), url];
    const { stderr, code } = await longrope(outside(out, command, '--budget', '30evals'));
    expect([stderr, code]).toEqual(['', 0]);
    const result = JSON.parse(await readFile(path.join(out, 'result.json'), 'utf8'));
    const { factors, attentionFactor } = result.winner.candidate;
    expect(result.winner.loss).toBeCloseTo(3 + excessLoss(problem, makeCandidate(factors, attentionFactor, 0)), 12);
    expect(answers.length).toBeGreaterThan(20);
  });

  it('that is not there is one error', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const { stderr, code } = await longrope(
      outside(out, ['python3', path.join(example('http'), 'objective.py'), 'http://127.0.0.1:9']),
    );
    expect(stderr).toMatch(
      /^objective: .*\n?[\s\S]*error: objective command, first line: expected an answer, found .* exit code 1/,
    );
    expect(code).toBe(5);
  });
});

it.skipIf(findLlamaCpp() === undefined)(
  'llama.cpp finds the losses of our own engine',
  { timeout: 180_000 },
  async () => {
    const problem = searchProblem({ ratio: 2 });
    const rising = Array.from({ length: 32 }, (_, pair) => 1 + pair / 31);
    const candidates = [makeCandidate(rising, 1.03, 0), makeCandidate(new Array(32).fill(2), 1, 0)];
    const losses: number[][] = [];
    for (const name of ['llama-cpp', 'own-engine']) {
      const script = path.join(example(name), 'objective.js');
      const { objective, close } = await openCommandObjective({
        command: ['node', script, TINY, '--text', BOOK],
        problem,
      });
      const found = await objective.evaluate(candidates.map((candidate) => ({ candidate, document: 0 })));
      losses.push(found.map(({ lossSum, tokens }) => lossSum / tokens));
      await close?.();
    }
    expect(losses[0]).toEqual(losses[1]?.map((loss) => expect.closeTo(loss, 4)));
  },
);
