import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { fileError, openRunDirectory, sha256, sha256File, sha256Json, writeFileAtomic } from '../../src/run/index.js';

let parent: string;
let path: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'longrope-run-'));
  path = join(parent, 'run');
});

const manifest = { seed: 1, settings: { size: 64, rate: 0.3 }, inputs: { model: 'abc' } };

async function failure(promise: Promise<unknown>): Promise<UserError> {
  const error = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

describe('run directory', () => {
  test('is created with its manifest, and resumed', async () => {
    const first = await openRunDirectory(path, manifest);
    expect(first.resumed).toBe(false);
    await first.journal.append([{ step: 1 }]);
    await first.close();
    expect(JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'))).toEqual(manifest);
    const second = await openRunDirectory(path, {
      inputs: { model: 'abc' },
      settings: { rate: 0.3, size: 64 },
      seed: 1,
    });
    expect(second.resumed).toBe(true);
    expect(second.journal.entries).toEqual([{ step: 1 }]);
    await second.close();
    expect((await readdir(path)).sort()).toEqual(['journal.jsonl', 'manifest.json']);
  });

  test('another manifest is refused with every difference', async () => {
    const run = await openRunDirectory(path, manifest);
    await run.journal.append([{ step: 1 }]);
    await run.close();
    const other = { seed: 2, settings: { size: 64, rate: 0.5, extra: true }, inputs: { model: 'abc' } };
    const error = await failure(openRunDirectory(path, other));
    expect(error.kind).toBe('input');
    expect(error.problems.map(({ where, expected, found }) => [where.replace(/.*, /, ''), expected, found])).toEqual([
      ['seed', '1, as the run was begun', '2'],
      ['settings.extra', 'nothing, as the run was begun', 'true'],
      ['settings.rate', '0.3, as the run was begun', '0.5'],
    ]);
    // The refusal released the folder.
    await (await openRunDirectory(path, manifest)).close();
  });

  test('a run without entries may be begun anew with another manifest', async () => {
    await (await openRunDirectory(path, { budget: 1 })).close();
    const run = await openRunDirectory(path, { budget: 1000 });
    expect(run.resumed).toBe(false);
    await run.close();
    expect(JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'))).toEqual({ budget: 1000 });
  });

  test('a folder in use is refused with process id and host', async () => {
    const run = await openRunDirectory(path, manifest);
    const error = await failure(openRunDirectory(path, manifest));
    expect(error.kind).toBe('busy');
    expect(error.message).toContain(`process ${process.pid} on `);
    await run.close();
    await (await openRunDirectory(path, manifest)).close();
  });

  test('a folder with other things, or a file, is refused and left alone', async () => {
    await mkdir(path);
    await writeFile(join(path, 'thesis.tex'), '');
    expect((await failure(openRunDirectory(path, manifest))).message).toContain('thesis.tex');
    expect(await readdir(path)).toEqual(['thesis.tex']);
    expect((await failure(openRunDirectory(join(path, 'thesis.tex'), manifest))).message).toContain('found a file');
  });

  test('a manifest of something else is refused and left alone, alone in its folder or not', async () => {
    await mkdir(path);
    const app = JSON.stringify({ name: 'An app', short_name: 'App', version: '1', icons: [], start_url: '/' });
    await writeFile(join(path, 'manifest.json'), app);
    expect((await failure(openRunDirectory(path, { ...manifest, version: '1' }))).message).toContain('not of a run');
    await writeFile(join(path, 'index.html'), '');
    await writeFile(join(path, 'manifest.json'), JSON.stringify(manifest));
    expect((await failure(openRunDirectory(path, manifest))).message).toContain('not of a run');
    expect((await readdir(path)).sort()).toEqual(['index.html', 'manifest.json']);
    expect(JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8'))).toEqual(manifest);
  });

  test('of a run that was killed before its journal was there is gone on with', async () => {
    await mkdir(path);
    await writeFile(join(path, 'manifest.json'), JSON.stringify({ ...manifest, seed: 2 }));
    await (await openRunDirectory(path, manifest)).close();
    expect((await readdir(path)).sort()).toEqual(['journal.jsonl', 'manifest.json']);
  });

  test('a manifest that is not JSON is refused', async () => {
    const run = await openRunDirectory(path, manifest);
    await run.journal.append([{ step: 1 }]);
    await run.close();
    await writeFile(join(path, 'manifest.json'), '{');
    expect((await failure(openRunDirectory(path, manifest))).message).toContain('not JSON');
  });

  test('leftovers of an interrupted write are swept', async () => {
    await (await openRunDirectory(path, manifest)).close();
    await writeFile(join(path, '.result.json.0123456789ab.tmp'), 'half');
    await (await openRunDirectory(path, manifest)).close();
    expect(await readdir(path)).not.toContain('.result.json.0123456789ab.tmp');
  });

  test('of a process killed while it announced itself too, but not of one that is at it', async () => {
    await (await openRunDirectory(path, manifest)).close();
    const ended = spawnSync(process.execPath, ['-e', '']).pid;
    const [dead, living] = [ended, process.ppid].map((pid) => `.lock.${pid}.0123456789ab.tmp`) as [string, string];
    for (const name of [dead, living]) await writeFile(join(path, name), '');
    await (await openRunDirectory(path, manifest)).close();
    expect((await readdir(path)).filter((name) => name.endsWith('.tmp'))).toEqual([living]);
  });
});

describe('atomic write', () => {
  test('replaces the file and leaves nothing else', async () => {
    const file = join(parent, 'a.json');
    await writeFileAtomic(file, 'old');
    await writeFileAtomic(file, 'new');
    expect(await readFile(file, 'utf8')).toBe('new');
    expect(await readdir(parent)).toEqual(['a.json']);
  });

  test('a missing folder is a user error', async () => {
    const error = await failure(writeFileAtomic(join(parent, 'missing', 'a.json'), ''));
    expect(error.kind).toBe('input');
  });

  // A device that is always full; the same errno reaches us from a full disk.
  test.runIf(existsSync('/dev/full'))('a full disk is a resource error', async () => {
    const thrown = await writeFile('/dev/full', 'x').catch((error: unknown) => error);
    const error = fileError('result.json', 'a file that can be written', thrown) as UserError;
    expect(error.kind).toBe('resource');
    expect(error.message).toContain('no space left');
  });
});

describe('hash', () => {
  test('of texts, values and files', async () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(sha256('abc')).toBe(abc);
    const file = join(parent, 'abc');
    await writeFile(file, 'abc');
    expect(await sha256File(file)).toBe(abc);
    expect((await failure(sha256File(join(parent, 'none')))).kind).toBe('input');
    expect(sha256Json({ a: 1, b: { c: 2, d: [1, 2] } })).toBe(sha256Json({ b: { d: [1, 2], c: 2 }, a: 1 }));
    expect(sha256Json([1, 2])).not.toBe(sha256Json([2, 1]));
  });
});
