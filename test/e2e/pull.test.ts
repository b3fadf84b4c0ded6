import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { longrope, startLongrope } from '../helpers/cli.js';
import { startHub, tinyFiles } from '../helpers/hub-server.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { waitFor } from '../helpers/wait-for.js';

it('a pull that is killed goes on, and its folder can be evaluated', { timeout: 120_000 }, async () => {
  const hub = await startHub();
  onTestFinished(() => hub.close());
  hub.repositories.set('models/owner/tiny', await tinyFiles());
  hub.faults.delay = 20;
  const folder = await temporaryFolder();
  const out = path.join(folder, 'tiny');
  const words = ['pull', 'owner/tiny', '--out', out, '--endpoint', hub.url, '--json'];
  const begun = async () => {
    const part = (await readdir(out)).find((name) => name.endsWith('.part'));
    return part === undefined ? 0 : (await stat(path.join(out, part))).size;
  };
  const first = startLongrope(words);
  await waitFor(async () => (await begun()) > 500_000);
  first.kill('SIGKILL');
  await once(first, 'exit');
  const bytes = await begun();
  delete hub.faults.delay;
  const { code, stdout, stderr } = await longrope(words, { env: { HF_TOKEN: 'hf_secret' } });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).not.toContain('hf_secret');
  expect(JSON.parse(stdout).files.map(({ how }: { how: string }) => how)).toContain('resumed');
  expect(hub.requests.at(-1)?.range).toBe(`bytes=${bytes}-`);
  expect((await readdir(out)).filter((name) => /lock|part/.test(name))).toEqual([]);
  const book = path.join(SHARED, 'data/pg19/test/10146.txt');
  const run = await longrope(['evaluate', 'perplexity', out, book, '--length', '64', '--json']);
  expect(JSON.parse(run.stdout).results[0].perplexity).toBeGreaterThan(1);
  expect(JSON.parse(await readFile(path.join(out, 'pull.json'), 'utf8'))).toMatchObject({ repository: 'owner/tiny' });
});
