import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { main } from '../../src/cli/main.js';
import { evaluationRecordSchema, type RecordOf } from '../../src/evaluation/index.js';
import { longrope } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

const evaluate = (kind: string, ...more: string[]) => longrope(['evaluate', kind, TINY, ...more]);

/** A set that a search has found for the embedded model, to two decimals. */
const SEARCHED = [
  1, 1, 1, 1, 1.01, 1.01, 1.01, 1.01, 1.01, 1.01, 1.02, 1.13, 1.54, 2.21, 3.36, 6.06, 7.66, 7.67, 7.68, 7.69, 7.71,
  7.78, 7.84, 7.88, 7.89, 7.9, 7.9, 7.9, 7.9, 7.9, 7.9, 7.91,
];

describe('evaluate passkey', { timeout: 60_000 }, () => {
  it('finds the keys in the trained length, and beyond it only with rescaled frequencies', async () => {
    const searched = path.join(await temporaryFolder(), 'searched.csv');
    await writeFile(searched, SEARCHED.join('\n'));
    const { stdout, stderr, code } = await evaluate(
      'passkey',
      ...['--length', '256,512', '--rope', 'none', '--rope', `${searched}@1.1`, '--json'],
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const record = evaluationRecordSchema.parse(JSON.parse(stdout)) as RecordOf<'passkey'>;
    const hits = record.results.map(({ method, length, trials }) => {
      expect(trials).toHaveLength(10);
      for (const { promptTokens } of trials) expect(promptTokens).toBe(length - 8);
      return [method, length, trials.filter(({ correct }) => correct).length];
    });
    // models/tiny/README.md: all of them at 256 tokens.
    expect(hits.slice(0, 1)).toEqual([['none', 256, 10]]);
    expect(hits[2]?.[2]).toBe(10);
    expect(hits[3]?.[2]).toBeGreaterThanOrEqual(8);
    expect(hits[1]?.[2]).toBeLessThanOrEqual(4);
    expect(record.notes).toEqual([]);
  });

  it('resumes to the same results, whatever was lost and however many workers', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const words = ['--length', '256', '--trials', '7', '--rope', 'none', '--out', out];
    const first = await evaluate('passkey', ...words, '--workers', '1');
    expect(first.stdout).toMatch(/none +256 +7 +7 +100\.0 % +64\.6 to 100\.0/);
    const [journal, result] = await Promise.all(
      ['journal.jsonl', 'result.json'].map((name) => readFile(path.join(out, name), 'utf8')),
    );
    await writeFile(path.join(out, 'journal.jsonl'), (journal as string).slice(0, (journal as string).length - 40));
    await writeFile(path.join(out, 'result.json'), '');
    const again = await evaluate('passkey', ...words, '--workers', '2');
    expect(again.code).toBe(0);
    const results = (text: string) => (JSON.parse(text) as RecordOf<'passkey'>).results;
    expect(results(await readFile(path.join(out, 'result.json'), 'utf8'))).toEqual(results(result as string));

    const other = await evaluate('passkey', ...words, '--seed', '7');
    expect(other.code).toBe(3);
    expect(other.stderr).toMatch(/manifest\.json, seed: expected 42/);
  });

  it('released: tells which lengths its prompts have', async () => {
    const { stdout } = await evaluate(
      'passkey',
      '--protocol',
      'released',
      '--length',
      '256',
      '--trials',
      '2',
      '--json',
    );
    const { notes, results } = evaluationRecordSchema.parse(JSON.parse(stdout)) as RecordOf<'passkey'>;
    expect(notes).toEqual([expect.stringMatching(/^At 256 prompt and answer have \d+ to \d+ tokens\.$/)]);
    // Python: random.seed(42), randint(0, 934), randint(1, 50000), twice.
    expect(results[0]?.trials.map(({ expected }) => expected[0])).toEqual(['7297', '48599']);
  });
});

describe('evaluate needle and ruler', { timeout: 60_000 }, () => {
  it('needle: a row for each depth, in a text of the user', async () => {
    const file = path.join(await temporaryFolder(), 'text.txt');
    await writeFile(file, Array.from({ length: 80 }, (_, i) => `Sentence ${i} tells of the sea.`).join(' '));
    const { stdout, stderr } = await evaluate(
      'needle',
      ...['--length', '256', '--depths', '0,100', '--trials', '2', '--haystack', file],
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ *0 % +[012]\/2$/m);
    expect(stdout).toMatch(/^ *100 % +[012]\/2$/m);
    expect(stdout).toMatch(/^ *256 +[0-4] +4 /m);

    const short = await evaluate('needle', '--length', '4096', '--trials', '1', '--depths', '2', '--haystack', file);
    expect(short.code).toBe(3);
    expect(short.stderr.trim().split('\n')).toHaveLength(2);
    expect(short.stderr).toMatch(
      /^error: needle at depth 0 at --length 4096: expected text that fills 4096 tokens, found/,
    );
  });

  it('ruler: scores, average and effective length', async () => {
    const { stdout, stderr } = await evaluate(
      'ruler',
      ...['--length', '256', '--samples', '2', '--tasks', 'niah_single_1,fwe', '--threshold', '0.1', '--rope', 'none'],
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^niah_single_1 +\d+\.\d +/m);
    expect(stdout).toMatch(/^fwe +\d+\.\d +/m);
    expect(stdout).toMatch(/^average +\d+\.\d/m);
    expect(stdout).toMatch(/^effective length \(average of at least 0\.1\): /m);
    expect(stdout).toContain('2 of its 13 tasks');
  });

  it('ruler: names all tasks a length is too short for, with what they need', async () => {
    const { stdout, stderr, code } = await evaluate('ruler', '--length', '128,512', '--samples', '2');
    expect(stdout).toBe('');
    expect(code).toBe(3);
    const lines = stderr.trim().split('\n');
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines)
      expect(line).toMatch(/^error: \w+ at --length 128: expected at least \d+ tokens .*, found 128; use a longer/);
    expect(stderr).toContain('error: cwe at --length 128');
  });
});

describe('flags of the evaluations that write', () => {
  it.each([
    ['passkey', ['--trials', '0'], /--trials .*positive whole number/],
    ['passkey', ['--protocol', 'mine'], /Allowed choices are paper, released/],
    ['passkey', ['--switch', 'never'], /Allowed choices are once, re-prefill/],
    ['passkey', ['--seed', '4294967296'], /below 2\^32/],
    ['passkey', ['--length', '256,256'], /named twice/],
    ['passkey', ['--needles', '2'], /unknown option '--needles'/],
    ['needle', ['--depths', '1'], /2 to 101 depths/],
    ['needle', ['--depths', '0,101'], /0 to 100 percent/],
    ['needle', ['--depths', '0,50,50.0'], /named twice/],
    ['needle', ['--needles', '21'], /--needles: expected at most 20, found 21/],
    ['ruler', ['--tasks', 'niah_single_1,qa_1'], /--tasks: expected niah_single_1, .*fwe, found qa_1/],
    ['ruler', ['--tasks', 'vt,vt'], /given twice/],
    ['ruler', ['--threshold', 'high'], /number above 0/],
    ['passkey', ['--rope', 'none:4'], /--rope none:4: expected none without a ratio, .* found :4/],
    ['passkey', ['--rope', 'yarn:8:9'], /--rope yarn:8:9: expected one ratio, yarn:RATIO, found :8:9/],
    [
      'perplexity',
      ['book.txt', '--max-tokens', '9', '--truncate'],
      /--truncate: .*released.*\n.*--max-tokens: .*sliding/,
    ],
    ['perplexity', ['book.txt', '--protocol', 'released', '--truncate', '--stride', '9'], /--stride: expected one of/],
  ])('%s %j', async (kind, words, message) => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const code = await main(['evaluate', kind, TINY, ...words]);
    const stderr = written.mock.calls.map(([text]) => text).join('');
    written.mockRestore();
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('a haystack that is not there', async () => {
    const { code, stderr } = await evaluate('needle', '--haystack', 'no/such/text.txt');
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error: no\/such\/text\.txt: expected .*found/);
  });
});
