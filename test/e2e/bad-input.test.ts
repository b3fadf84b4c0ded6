import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CliResult, longrope, PROJECT, startLongrope } from '../helpers/cli.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';
import { waitFor } from '../helpers/wait-for.js';

const BOOK = path.join(SHARED, 'data/pg19/test/10146.txt');
const SMOL = path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');

/** One clear message, no stack trace, the documented exit code, nothing on standard output. */
function expectRefusal({ code, stdout, stderr }: CliResult, exitCode: number, message: RegExp): void {
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at |node:internal/);
  expect(stdout).toBe('');
  expect(code).toBe(exitCode);
}

const perplexity = (model: string, text: string, ...more: string[]) =>
  longrope(['evaluate', 'perplexity', model, text, '--length', '256', ...more]);

const search = (out: string, ...more: string[]) =>
  longrope(['search', TINY, '--text', BOOK, '--target', '512', '--budget', '40evals', '--out', out, ...more]);

async function tinyCopy(): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'model');
  await cp(TINY, folder, { recursive: true });
  return folder;
}

describe('model files', () => {
  it('missing', async () => {
    expectRefusal(await perplexity('no/such/model', BOOK), 3, /^error: no\/such\/model: expected .*found/);
  });

  it('truncated safetensors', async () => {
    const model = await tinyCopy();
    const file = path.join(model, 'model.safetensors');
    await truncate(file, (await stat(file)).size - 1000);
    expectRefusal(await perplexity(model, BOOK), 3, /model\.safetensors.*expected .* found /);
  });

  it('truncated GGUF', async () => {
    const file = path.join(await temporaryFolder(), 'short.gguf');
    await writeFile(file, (await readFile(SMOL)).subarray(0, 5_000_000));
    expectRefusal(await perplexity(file, BOOK), 3, /short\.gguf.*expected .* found /);
  });

  it('weights that are not numbers, by tensor and index', async () => {
    const model = await tinyCopy();
    const file = path.join(model, 'model.safetensors');
    const bytes = await readFile(file);
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString()) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    const start = 8 + Number(bytes.readBigUInt64LE(0));
    for (const name of ['model.norm.weight', 'model.layers.1.mlp.up_proj.weight'])
      bytes.writeUInt16LE(0x7e00, start + (header[name]?.data_offsets[0] as number) + 2 * 5);
    await writeFile(file, bytes);
    const result = await perplexity(model, BOOK);
    expectRefusal(result, 3, /model\.norm\.weight: expected finite weights, found NaN or infinity at index 5/);
    expect(result.stderr).toMatch(/layers\.1\.mlp\.up_proj\.weight: .* index 5/);
  });
});

describe('factors', () => {
  it('of the wrong number', async () => {
    const file = path.join(await temporaryFolder(), 'few.csv');
    await writeFile(file, Array(29).fill('1.5').join('\n'));
    expectRefusal(await perplexity(TINY, BOOK, '--rope', file), 3, /few\.csv.*32.*29/);
  });

  it('that are not above zero, all at once', async () => {
    const file = path.join(await temporaryFolder(), 'bad.csv');
    const factors = Array(32).fill('2');
    factors[3] = '0';
    factors[17] = '-1';
    await writeFile(file, factors.join('\n'));
    const result = await perplexity(TINY, BOOK, '--rope', file);
    expectRefusal(result, 3, /bad\.csv.*\b3\b.*found 0/);
    expect(result.stderr).toMatch(/\b17\b.*found -1/);
  });

  it('named by neither a method nor a file', async () => {
    expectRefusal(await perplexity(TINY, BOOK, '--rope', 'yarm'), 2, /--rope yarm: expected a method/);
  });
});

describe('texts', () => {
  it('empty', async () => {
    const file = path.join(await temporaryFolder(), 'empty.txt');
    await writeFile(file, '');
    expectRefusal(await perplexity(TINY, file), 3, /empty/);
  });

  it('shorter than the target', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'short.txt');
    await writeFile(file, 'Call me Ishmael. '.repeat(20));
    const out = path.join(folder, 'run');
    const result = await longrope(['search', TINY, '--text', file, '--target', '512', '--out', out]);
    expectRefusal(result, 3, /short\.txt.*expected documents of at least 511 tokens/);
    await expect(stat(out)).rejects.toThrow('ENOENT');
  });
});

describe('evaluations', () => {
  it.each(['perplexity', 'longppl'])('%s: documents that are too short, every one by name', async (kind) => {
    const folder = await temporaryFolder();
    const rows = [20, 400, 30].map((n) => JSON.stringify({ text: 'Call me Ishmael. '.repeat(n) }));
    await writeFile(path.join(folder, 'short.jsonl'), rows.join('\n'));
    const result = await longrope(['evaluate', kind, TINY, path.join(folder, 'short.jsonl'), '--length', '512']);
    expectRefusal(
      result,
      3,
      /^error: document short\.jsonl:1: expected at least 511 tokens for a length of 512, found \d+/,
    );
    expect(result.stderr).toMatch(/\nerror: document short\.jsonl:3: expected at least 511 tokens/);
    expect(result.stderr.trim().split('\n')).toHaveLength(2);
  });

  it('a text given twice', async () => {
    const result = await longrope(['evaluate', 'perplexity', TINY, BOOK, BOOK, '--length', '256']);
    expectRefusal(result, 3, /expected documents with a name of their own, found 10146\.txt twice/);
  });

  it('texts of which none is long enough', async () => {
    const result = await perplexity(TINY, BOOK, '--min-tokens', '100000000');
    expectRefusal(
      result,
      3,
      /10146\.txt: expected documents of at least 100000000 tokens, found 0 of 1, the longest with \d+/,
    );
  });

  it('rows of JSONL without text, by file and line', async () => {
    const file = path.join(await temporaryFolder(), 'rows.jsonl');
    await writeFile(file, '{"text": "Call me Ishmael."}\n{"body": "Some years ago"}\n{"text": 7}\nnever mind\n');
    const result = await perplexity(TINY, file);
    expectRefusal(result, 3, /rows\.jsonl:2: expected/);
    expect(result.stderr).toMatch(/rows\.jsonl:3: expected/);
    expect(result.stderr).toMatch(/rows\.jsonl:4: expected/);
  });

  it('benchmark questions with choices beyond what the model may be given', async () => {
    const folder = await temporaryFolder();
    const choice = (words: number) => Array(words).fill('whale').join(' ');
    const rows = ['a', 'b', 'c'].map((id, i) => ({
      id,
      question: {
        stem: 'What is white?',
        choices: [2, 8 * (i % 2) + 2].map((n, c) => ({ text: choice(n), label: 'AB'[c] })),
      },
      answerKey: 'A',
    }));
    await writeFile(path.join(folder, 'ARC-Challenge-Test.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const words = ['--data', folder, '--shots', '0', '--max-length', '6', '--rope', 'none', '--rope', 'pi'];
    const result = await longrope(['evaluate', 'benchmark', TINY, ...words]);
    expectRefusal(
      result,
      3,
      /^error: arc_challenge, question b, choice 2: expected 1 to 6 tokens, found \d+; give a larger --max-length, .*\n$/,
    );
  });
});

describe('search options', () => {
  it('objectives that are none, and options of objectives that are not there, all at once', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    expectRefusal(
      await search(out, '--objective', 'perplexty:1,needle:0'),
      2,
      /did you mean perplexity\?[\s\S]*expected a weight above 0/,
    );
    expectRefusal(
      await search(out, '--needle-depths', '5', '--judge', TINY),
      2,
      /--needle-depths: expected needle in the objective[\s\S]*--judge: expected longppl/,
    );
    expectRefusal(await search(out, '--objective', 'needle', '--length', '64'), 3, /at least \d+ tokens for needle/);
    expectRefusal(await search(out, '--start-tokens', '0,300'), 2, /at most the original length, 256, found 300/);
    await expect(stat(out)).rejects.toThrow();
  });

  it('a text that is too short for a limit at the original length is left out', async () => {
    const folder = await temporaryFolder();
    const short = path.join(folder, 'short.txt');
    await writeFile(short, 'Call me Ishmael. '.repeat(12));
    const texts = ['--text', short, '--text', BOOK, '--samples', '1', '--length', '64', '--target', '512'];
    const searched = async (name: string, ...more: string[]) => {
      const out = path.join(folder, name);
      const how = ['--algorithm', 'cma-es', '--budget', '20evals', '--out', out];
      expect((await longrope(['search', TINY, ...texts, ...how, ...more])).code).toBe(0);
      const manifest = JSON.parse(await readFile(path.join(out, 'manifest.json'), 'utf8'));
      return manifest.documents.map((document: { name: string }) => document.name);
    };
    expect(await searched('free')).toEqual([expect.stringContaining('short.txt')]);
    expect(await searched('limited', '--short-limit', '5%')).toEqual([expect.stringContaining('10146.txt')]);
  });

  it('a run folder below a file', async () => {
    const file = path.join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    expectRefusal(await search(path.join(file, 'run')), 3, /run: expected a folder that can be created, found a file/);
  });

  it('start tokens, which no export can express, are said before the search', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const options = ['--samples', '1', '--algorithm', 'cma-es', '--start-tokens', '4'];
    const { code, stderr } = await search(out, ...options);
    expect(stderr).toMatch(/^note: the winner has start tokens: no config\.json, GGUF or ONNX file/);
    expect(code).toBe(0);
    const set = JSON.parse(await readFile(path.join(out, 'factors.json'), 'utf8')) as { start_tokens: number };
    expect(set.start_tokens).toBe(4);
    await expect(stat(path.join(out, 'config.json'))).rejects.toThrow();
  });

  it('a target at or below the original length', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const result = await longrope(['search', TINY, '--text', BOOK, '--target', '256', '--out', out]);
    expectRefusal(result, 2, /--target: expected more than the original length of the model, 256, found 256/);
    await expect(stat(out)).rejects.toThrow('ENOENT');
  });

  it('an unknown flag, with a suggestion', async () => {
    const result = await search('run', '--bugdet', '3evals');
    expect(result.stderr).toMatch(/unknown option '--bugdet'[\s\S]*Did you mean --budget/);
    expect(result.code).toBe(2);
  });

  it('an unknown hyper-parameter, with a suggestion', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'hyper.json');
    await writeFile(file, '{ "populaton_size": 64, "parents": 3 }');
    const out = path.join(folder, 'run');
    const result = await search(out, '--algorithm', 'dim-mono', '--hyper-params', file);
    expectRefusal(result, 3, /"populaton_size"; did you mean "population_size"\?/);
    expect(result.stderr).toMatch(/"parents"/);
    await expect(stat(out)).rejects.toThrow('ENOENT');
  });

  it('a run folder that another process is using, or that holds something else', async () => {
    const folder = await temporaryFolder();
    const out = path.join(folder, 'run');
    const words = ['search', TINY, '--text', BOOK, '--target', '512', '--budget', '2000evals', '--out', out];
    const first = startLongrope(words);
    try {
      await waitFor(async () => (await readdir(out)).some((name) => name === 'journal.jsonl'));
      expectRefusal(await longrope(words), 4, new RegExp(`found process ${first.pid} on .* using it`));
    } finally {
      first.kill('SIGKILL');
    }
    const foreign = path.join(folder, 'thesis');
    await mkdir(foreign);
    await writeFile(path.join(foreign, 'chapter.txt'), 'precious');
    expectRefusal(await search(foreign), 3, /holds chapter\.txt/);
    expect(await readdir(foreign)).toEqual(['chapter.txt']);
  });
});

it.skipIf(!existsSync('/dev/full'))('a full device instead of standard output', () => {
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', `exec "${process.execPath}" bin/longrope.js inspect models/tiny > /dev/full`],
    {
      encoding: 'utf8',
      cwd: PROJECT,
    },
  );
  expect([status, stderr]).toEqual([5, 'error: standard output: expected room for what is printed, found ENOSPC\n']);
});

it('a reader of standard output that has gone changes no exit code', () => {
  const codeOf = (words: string) =>
    spawnSync('bash', ['-c', `set -o pipefail; "${process.execPath}" bin/longrope.js ${words} | true`], {
      encoding: 'utf8',
      cwd: PROJECT,
    }).status;
  expect(codeOf('inspect models/tiny')).toBe(0);
  expect(codeOf('verify models/tiny --python /nowhere/python')).toBe(7);
});
