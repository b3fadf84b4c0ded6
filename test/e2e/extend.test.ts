import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { evaluationRecordSchema } from '../../src/evaluation/index.js';
import { loadModel } from '../../src/model/index.js';
import { parseFactorFile, parseFactorSets } from '../../src/rope/index.js';
import { sha256 } from '../../src/run/index.js';
import { longrope, PROJECT } from '../helpers/cli.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

/** A folder with the embedded model and a book, in which `run` is always called the same. */
async function workplace(): Promise<string> {
  const folder = await temporaryFolder();
  await symlink(path.join(PROJECT, 'models'), path.join(folder, 'models'));
  await mkdir(path.join(folder, 'books'));
  const text = await readFile(path.join(SHARED, 'data/pg19/test/10146.txt'), 'utf8');
  await writeFile(path.join(folder, 'books/10146.txt'), text.slice(9000, 30_000));
  return folder;
}

const SMOKE = ['extend', 'smoke', '--out', 'run', '--workers', '1'];

/** Starts it and kills it without warning as soon as `file` is there. */
function killAt(cwd: string, file: string): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, [path.join(PROJECT, 'bin/longrope.js'), ...SMOKE], { cwd, stdio: 'ignore' });
  const timer = setInterval(() => {
    stat(path.join(cwd, 'run', file)).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    );
  }, 20);
  return new Promise((resolve) => {
    child.on('exit', (_, signal) => {
      clearInterval(timer);
      resolve(signal);
    });
  });
}

/** Hashes of all files of a run, but for times. */
async function hashes(run: string): Promise<Record<string, string>> {
  const entries = await readdir(run, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== 'timings.jsonl');
  const found: Record<string, string> = {};
  for (const { parentPath, name } of files) {
    const file = path.join(parentPath, name);
    found[path.relative(run, file)] = sha256(await readFile(file));
  }
  return found;
}

describe('extend', () => {
  it('runs a recipe of every kind of stage; killed three times and started again it ends with the same bytes', {
    timeout: 300_000,
  }, async () => {
    const [calm, disturbed] = [await workplace(), await workplace()];
    const { code, stdout, stderr } = await longrope([...SMOKE, '--json'], { cwd: calm });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { stages } = JSON.parse(stdout) as { stages: { name: string; figures: Record<string, unknown> }[] };
    expect(stages.map(({ name }) => name)).toEqual(['first', 'tuned', 'second', 'sets', 'results', 'exported']);

    expect(await killAt(disturbed, 'stages/first/journal.jsonl')).toBe('SIGKILL');
    expect(await killAt(disturbed, 'stages/tuned/journal.jsonl')).toBe('SIGKILL');
    expect(await killAt(disturbed, 'stages/second/journal.jsonl')).toBe('SIGKILL');
    expect((await longrope(SMOKE, { cwd: disturbed })).code).toBe(0);
    expect(await hashes(path.join(disturbed, 'run'))).toEqual(await hashes(path.join(calm, 'run')));

    const run = path.join(calm, 'run/stages');
    const read = (file: string) => readFile(path.join(run, file), 'utf8');
    const { parts } = JSON.parse(await read('second/result.json')) as {
      parts: Record<'frozen' | 'multiplier', { factors: number[] }>;
    };
    const [first, second] = [await read('first/factors.json'), await read('second/factors.json')].map((text) =>
      parseFactorFile(text),
    );
    // Second interpolation: what is stored is the product of the first search's factors and a multiplier.
    expect(parts.frozen.factors).toEqual([...first!.factors]);
    expect([...second!.factors]).toEqual(parts.multiplier.factors.map((m, i) => m * (first!.factors[i] as number)));
    expect(second).toMatchObject({ targetLength: 768, originalLength: 256 });
    // Readjusted, and beside the long sets in the side files of the run and of the export.
    const sets = parseFactorSets(await read('sets/sets.json'), 'sets.json');
    expect(sets.sets.map(({ maxLength }) => maxLength)).toEqual([256, 512, 768]);
    expect(Math.max(...(sets.sets[0]?.factors ?? []))).toBeLessThanOrEqual(2);
    expect(sets.sets[2]?.factors).toEqual(second?.factors);
    const side = parseFactorSets(await read('exported/model/longrope_factor_sets.json'), 'side');
    expect(side.sets.map(({ factors }) => factors)).toEqual(sets.sets.map(({ factors }) => factors));
    const exported = await loadModel(path.join(run, 'exported/model'));
    expect(exported.spec.rope.scaling).toMatchObject({
      type: 'longrope',
      shortFactor: sets.sets[0]?.factors,
      longFactor: second?.factors,
    });
    // The tuned model's weights moved, and the sets choose by length in an evaluation.
    expect(sha256(await readFile(path.join(run, 'tuned/model/model.safetensors')))).not.toBe(
      sha256(await readFile(path.join(TINY, 'model.safetensors'))),
    );
    const files = ['run/stages/sets/256/factors.json', 'run/stages/second/factors.json'];
    const words = ['run/stages/tuned/model', 'books', '--length', '256,768', '--workers', '1', '--json'];
    const alone = await longrope(['evaluate', 'perplexity', ...words, ...files.flatMap((file) => ['--rope', file])], {
      cwd: calm,
    });
    const perplexities = (json: string) => {
      const record = evaluationRecordSchema.parse(JSON.parse(json));
      if (record.kind !== 'perplexity') throw new Error(record.kind);
      const found = new Map(record.results.map((of) => [`${of.method} ${of.length}`, of.perplexity]));
      return (method: string) => [256, 768].map((length) => found.get(`${method} ${length}`));
    };
    const ofSets = perplexities(await read('results/perplexity/result.json'))('sets');
    const [short, long] = files.map(perplexities(alone.stdout)) as [number[], number[]];
    expect(ofSets).toEqual([short[0], long[1]]);
    expect(ofSets).not.toContain(short[1]);
    expect(ofSets).not.toContain(long[0]);
  });
});
