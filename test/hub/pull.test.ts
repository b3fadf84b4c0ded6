import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type PullJob, pull } from '../../src/workflow/index.js';
import { COMMIT, type HubServer, startHub, tinyFiles } from '../helpers/hub-server.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

let tiny: Map<string, Buffer>;
beforeAll(async () => {
  tiny = await tinyFiles();
  // Whether it can be evaluated is the business of test/e2e/pull.test.ts.
  tiny.set(WEIGHTS, tiny.get(WEIGHTS)!.subarray(0, 1_200_000));
});

const WEIGHTS = 'model.safetensors';

async function openHub(): Promise<HubServer> {
  const hub = await startHub();
  onTestFinished(() => hub.close());
  hub.repositories.set('models/owner/tiny', new Map(tiny));
  return hub;
}

async function job(hub: HubServer, more: Partial<PullJob> = {}): Promise<PullJob & { readonly out: string }> {
  const out = path.join(await temporaryFolder(), 'model');
  return { repository: 'owner/tiny', type: 'model', endpoint: hub.url, out, retryMilliseconds: [1, 1], ...more };
}

const weightRequests = ({ requests }: HubServer) =>
  requests.filter(({ server, path: url }) => server === 'storage' && url.endsWith(WEIGHTS));

describe('pull of a model', () => {
  it('loads real files with the contents of the repository', async () => {
    const hub = await openHub();
    const files = hub.repositories.get('models/owner/tiny')!;
    for (const name of [
      'pytorch_model.bin',
      'onnx/model.onnx',
      'flax_model.msgpack',
      'original/x.pth',
      '.gitattributes',
    ])
      files.set(name, Buffer.from('not wanted'));
    const asked = await job(hub);
    const result = await pull(asked);
    expect(result.commit).toBe(COMMIT);
    expect(result.notes.join()).toContain('pytorch_model.bin');
    expect((await readdir(asked.out)).sort()).toEqual([...tiny.keys(), 'pull.json'].sort());
    for (const [name, contents] of tiny) {
      expect((await readFile(path.join(asked.out, name))).equals(contents), name).toBe(true);
    }
    expect(weightRequests(hub)).toHaveLength(1);
    // A second start checks what is there and asks for nothing but the listing.
    const before = hub.requests.length;
    const again = await pull(asked);
    expect(again.loadedBytes).toBe(0);
    expect(new Set(again.files.map(({ how }) => how))).toEqual(new Set(['already there']));
    expect(hub.requests.slice(before).every(({ path: url }) => url.startsWith('/api/'))).toBe(true);
  });

  it('goes on where connections break, and asks only for what is missing', async () => {
    const hub = await openHub();
    hub.faults.cutAfter = 300_000;
    const asked = await job(hub);
    await pull(asked);
    const size = tiny.get(WEIGHTS)!.length;
    const ranges = weightRequests(hub).map(({ range }) => Number(/\d+/.exec(range ?? '0')?.[0]));
    expect(ranges[0]).toBe(0);
    expect(ranges.length).toBeGreaterThanOrEqual(Math.ceil(size / 300_000));
    expect(ranges.slice(1).every((from, i) => from > ranges[i]!)).toBe(true);
    expect((await readFile(path.join(asked.out, WEIGHTS))).equals(tiny.get(WEIGHTS)!)).toBe(true);
  });

  it('goes on in a later start', async () => {
    const hub = await openHub();
    hub.faults.cutAfter = 500_000;
    const asked = await job(hub, { retryMilliseconds: [] });
    const error = await rejection(pull(asked));
    expect(error.kind).toBe('resource');
    const part = (await readdir(asked.out)).find((name) => name.endsWith('.part'))!;
    const begun = (await stat(path.join(asked.out, part))).size;
    expect(begun).toBeGreaterThan(100_000);
    delete hub.faults.cutAfter;
    const result = await pull(asked);
    expect(weightRequests(hub).at(-1)?.range).toBe(`bytes=${begun}-`);
    expect(result.files.find(({ path: name }) => name === WEIGHTS)?.how).toBe('resumed');
    expect((await readdir(asked.out)).some((name) => name.endsWith('.part'))).toBe(false);
    expect((await readFile(path.join(asked.out, WEIGHTS))).equals(tiny.get(WEIGHTS)!)).toBe(true);
  });

  it('starts a file over when the server knows no ranges', async () => {
    const hub = await openHub();
    hub.faults.cutAfter = 500_000;
    const asked = await job(hub, { retryMilliseconds: [] });
    await rejection(pull(asked));
    delete hub.faults.cutAfter;
    hub.faults.ignoreRange = true;
    await pull(asked);
    expect((await readFile(path.join(asked.out, WEIGHTS))).equals(tiny.get(WEIGHTS)!)).toBe(true);
  });

  it('ends when such a server never gets to the end', async () => {
    const hub = await openHub();
    Object.assign(hub.faults, { cutAfter: 500_000, ignoreRange: true });
    const error = await rejection(pull(await job(hub)));
    expect(error.kind).toBe('resource');
    expect(weightRequests(hub).length).toBeLessThan(7);
  });

  it('takes answers that end early for broken ones', async () => {
    const hub = await openHub();
    // More than the tokenizer has, so that only the weights are cut.
    hub.faults.truncateTo = 300_000;
    const error = await rejection(pull(await job(hub, { retryMilliseconds: [1] })));
    expect(error.message).toMatch(/300000 of 1200000 bytes of model.safetensors/);
  });

  it.each([
    ['a changed byte', { corruptByte: 900_000 }, /sha256 [0-9a-f]{64}, as listed/],
    ['another range', { shiftRange: 1 }, /Content-Range/],
  ])('refuses %s and keeps nothing of the file', async (_, fault, message) => {
    const hub = await openHub();
    Object.assign(hub.faults, fault, 'shiftRange' in fault ? { cutAfter: 500_000 } : {});
    const asked = await job(hub);
    const error = await rejection(pull(asked));
    expect(error.kind).toBe('input');
    expect(error.message).toMatch(message);
    expect((await readdir(asked.out)).filter((name) => name.startsWith(WEIGHTS))).toEqual([]);
    for (const key of Object.keys(hub.faults)) delete hub.faults[key as keyof typeof hub.faults];
    await pull(asked);
  });

  it('discards the part of a file that has changed since', async () => {
    const hub = await openHub();
    hub.faults.cutAfter = 500_000;
    const asked = await job(hub, { retryMilliseconds: [] });
    await rejection(pull(asked));
    const other = Buffer.from(tiny.get(WEIGHTS)!);
    other[0]! ^= 1;
    hub.repositories.get('models/owner/tiny')!.set(WEIGHTS, other);
    delete hub.faults.cutAfter;
    await pull(asked);
    expect(weightRequests(hub).at(-1)?.range).toBeUndefined();
    expect((await readFile(path.join(asked.out, WEIGHTS))).equals(other)).toBe(true);
    expect((await readdir(asked.out)).some((name) => name.endsWith('.part'))).toBe(false);
  });
});

describe('what pull refuses', () => {
  it('contents that are there already, without --force', async () => {
    const hub = await openHub();
    const asked = await job(hub);
    await mkdir(asked.out);
    await writeFile(path.join(asked.out, 'config.json'), '{}');
    await symlink('/nowhere', path.join(asked.out, WEIGHTS));
    const error = await rejection(pull(asked));
    expect(error.problems.map(({ found }) => found)).toEqual(['a file with other contents', 'a link']);
    expect(await readFile(path.join(asked.out, 'config.json'), 'utf8')).toBe('{}');
    await pull({ ...asked, force: true });
    expect((await readFile(path.join(asked.out, WEIGHTS))).equals(tiny.get(WEIGHTS)!)).toBe(true);
  });

  it.each(['../../x.json', '/etc/x.json', 'a//b.json', './x.json', 'a\\..\\x.json', 'C:x.json', 'a\0.json'])(
    'the name %j in a listing',
    async (name) => {
      const hub = await openHub();
      hub.repositories.set('datasets/owner/bad', new Map([[name, Buffer.from('{}')]]));
      const asked = await job(hub, { repository: 'owner/bad', type: 'dataset' });
      const error = await rejection(pull(asked));
      expect(error.message).toContain(JSON.stringify(name));
      await expect(stat(asked.out)).rejects.toThrow();
    },
  );

  it('a folder below it that is a link', async () => {
    const hub = await openHub();
    hub.repositories.set('datasets/owner/data', new Map([['data/x.jsonl', Buffer.from('{}')]]));
    const asked = await job(hub, { repository: 'owner/data', type: 'dataset' });
    await mkdir(asked.out);
    const outside = await temporaryFolder();
    await symlink(outside, path.join(asked.out, 'data'));
    expect((await rejection(pull(asked))).message).toContain('a link');
    expect(await readdir(outside)).toEqual([]);
  });

  it('a folder that another process has', async () => {
    const hub = await openHub();
    hub.faults.delay = 10;
    const asked = await job(hub);
    const first = pull(asked);
    // The first one downloads, so the folder is its own.
    await vi.waitFor(() => expect(hub.requests.some(({ server }) => server === 'storage')).toBe(true), 30_000);
    expect(await rejection(pull(asked))).toMatchObject({ kind: 'busy' });
    await first;
  });

  it.each([
    ['owner/nothing', {}, /answer 401: it does not exist, or is private/],
    ['owner/nothing', { token: 'hf_x' }, /nothing there; check the name; a data set is pulled with --dataset/],
    ['owner/tiny', { revision: 'v9' }, /a branch, tag or commit v9/],
    ['owner/gated', {}, /a gated one .* set HF_TOKEN/],
    ['owner/gated', { token: 'hf_wrong' }, /accept its terms on .* with the account of HF_TOKEN/],
    ['owner/tiny', { file: 'x.gguf' }, /expected a file x.gguf, found config.json/],
    ['owner/tiny', { include: ['*.bin'] }, /files like \*\.bin/],
    ['owner/ggufs:a.gguf', { file: 'b.gguf' }, /^--file: expected one file, by one name, found a.gguf behind/],
    ['owner/pickled', {}, /found pytorch_model.bin/],
    ['owner/ggufs', {}, /name it, e.g. owner\/ggufs:a.gguf/],
    ['../tiny', {}, /expected owner\/name/],
    ['https://huggingface.co/owner/tiny', {}, /found an address/],
  ])('%s with %j', async (repository, more, message) => {
    const hub = await openHub();
    hub.repositories.set('models/owner/gated', tiny);
    hub.gated.set('models/owner/gated', 'hf_right');
    hub.repositories.set('models/owner/pickled', new Map([['pytorch_model.bin', Buffer.of(0)]]));
    hub.repositories.set('models/owner/ggufs', new Map(['a.gguf', 'b.gguf'].map((name) => [name, Buffer.of(0)])));
    const asked = await job(hub, { repository, ...more });
    const error = await rejection(pull(asked));
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('hf_wrong');
    await expect(stat(asked.out)).rejects.toThrow();
  });

  it('servers that are none', async () => {
    const hub = await openHub();
    const asked = await job(hub);
    const closed = await startHub();
    await closed.close();
    const away = await rejection(pull({ ...asked, endpoint: closed.url }));
    expect([away.kind, away.message]).toEqual(['resource', expect.stringContaining('ECONNREFUSED')]);
    expect((await rejection(pull({ ...asked, endpoint: 'ftp://x' }))).kind).toBe('usage');
    hub.faults.status = 503;
    expect((await rejection(pull(asked))).message).toContain('answer 503');
  });

  it('to go on after an abort', async () => {
    const hub = await openHub();
    hub.faults.delay = 5;
    const controller = new AbortController();
    const asked = await job(hub, { signal: controller.signal });
    const reason = new Error('stop');
    const onProgress = (bytes: number) => bytes > 200_000 && controller.abort(reason);
    await expect(pull({ ...asked, onProgress })).rejects.toBe(reason);
    expect((await readdir(asked.out)).some((name) => name.startsWith(WEIGHTS) && name.endsWith('.part'))).toBe(true);
    expect((await readdir(asked.out)).filter((name) => name.startsWith('lock.'))).toEqual([]);
  });
});

describe('the token', () => {
  it('opens gated repositories and does not go to the storage', async () => {
    const hub = await openHub();
    hub.repositories.set('models/owner/gated', tiny);
    hub.gated.set('models/owner/gated', 'hf_right');
    await pull(await job(hub, { repository: 'owner/gated', token: 'hf_right' }));
    const seen = (server: string) =>
      new Set(hub.requests.filter((one) => one.server === server).map(({ authorization }) => authorization));
    expect(seen('hub')).toEqual(new Set(['Bearer hf_right']));
    expect(seen('storage')).toEqual(new Set([undefined]));
  });
});

describe('choices of files', () => {
  it.each([
    [{ repository: 'owner/many:sub/b.gguf' }, ['sub/b.gguf']],
    [{ file: 'a.gguf' }, ['a.gguf']],
    [{ repository: 'owner/many:a.gguf', file: 'a.gguf' }, ['a.gguf']],
    [{ include: ['*.gguf'] }, ['a.gguf', 'sub/b.gguf']],
    [{ include: ['sub/*', 'LICENSE'] }, ['LICENSE', 'sub/b.gguf', 'sub/config.json']],
    [
      {},
      [
        'LICENSE',
        'config.json',
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
        'model.safetensors.index.json',
      ],
    ],
    [{ type: 'dataset' as const }, ['README.md', 'data/test-00000-of-00001.parquet', 'x.jsonl']],
  ])('%j', async (more, expected) => {
    const hub = await openHub();
    const names = [
      ...['a.gguf', 'sub/b.gguf', 'LICENSE', 'config.json', 'consolidated.safetensors', 'model.safetensors.index.json'],
      ...['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'onnx/model.onnx', 'sub/config.json'],
    ];
    hub.repositories.set('models/owner/many', new Map(names.map((name) => [name, Buffer.from(name)])));
    const data = ['README.md', 'data/test-00000-of-00001.parquet', 'x.jsonl', 'load.py', '.gitattributes', 'a.png'];
    hub.repositories.set('datasets/owner/many', new Map(data.map((name) => [name, Buffer.from(name)])));
    const { files } = await pull(await job(hub, { repository: 'owner/many', ...more }));
    expect(files.map(({ path: name }) => name)).toEqual(expected);
  });
});
