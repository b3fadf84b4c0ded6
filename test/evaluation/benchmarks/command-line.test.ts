import { describe, expect, it } from 'vitest';
import { longrope } from '../../helpers/cli.js';
import { temporaryFolder } from '../../helpers/temporary-folder.js';
import { TINY } from '../../helpers/tiny-model.js';
import { arcRow, dataFolder, lines } from './data-folder.js';

const run = (data: string, ...words: readonly string[]) =>
  longrope(['evaluate', 'benchmark', TINY, '--data', data, '--shots', '0', ...words]);

describe('evaluate benchmark on the command line', () => {
  it.each<[string, object, readonly string[], number, RegExp]>([
    ['bad file', { answerKey: 'Z' }, [], 3, /^error: .*ARC-Challenge-Test\.jsonl:1: expected an answerKey/],
    [
      'unknown task',
      {},
      ['--tasks', 'arc_chalenge'],
      2,
      /^error: --tasks: expected .*arc_challenge.*found "arc_chalenge"/,
    ],
    ['method twice', {}, ['--rope', 'pi', '--rope', 'pi'], 2, /^error: --rope: expected every method once/],
    ['seed', {}, ['--seed', '4294967296'], 2, /^error: --seed: expected 0 to 4294967295/],
  ])('%s: one clear message', async (_, changes, words, exit, message) => {
    const { code, stderr, stdout } = await run(
      await dataFolder({ 'ARC-Challenge-Test.jsonl': lines([arcRow('a', changes)]) }),
      ...words,
    );
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
  });

  it('an empty folder', async () => {
    const { code, stderr } = await run(await temporaryFolder());
    expect(code).toBe(3);
    expect(stderr).toMatch(/^error: .*expected benchmark files such as .*found an empty folder/);
  });
});
