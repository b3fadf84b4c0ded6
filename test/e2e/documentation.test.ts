import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationRecordSchema, type RecordOf } from '../../src/evaluation/index.js';
import { parseReport } from '../../src/report/index.js';
import { commandWords } from '../../src/search/outside/command-line.js';
import { longrope, PROJECT } from '../helpers/cli.js';
import { startHub, tinyFiles } from '../helpers/hub-server.js';
import { SHARED } from '../helpers/stories260k.js';
import { TINY } from '../helpers/tiny-model.js';

interface Command {
  readonly page: string;
  readonly text: string;
}

/** Lines of the ```sh blocks of README and docs, with continuation lines joined, comments and chained installs cut. */
async function documentedCommands(): Promise<Command[]> {
  const docs = (await readdir(path.join(PROJECT, 'docs'))).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', ...docs.map((name) => `docs/${name}`)];
  const commands = await Promise.all(
    pages.map(async (page) => {
      const text = await readFile(path.join(PROJECT, page), 'utf8');
      const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
      const lines = blocks.flatMap((block) => block.replace(/\\\n\s*/g, '').split('\n'));
      return lines
        .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split('&&'))
        .map((command) => ({ page, text: command.trim() }))
        .filter(({ text: command }) => command !== '');
    }),
  );
  return commands.flat();
}

/** Outside a terminal a command that takes more than a minute writes a line each. */
function withoutProgress(stderr: string): string {
  return stderr.replace(/^[a-z ]+ {2}\d+ % .*\n/gm, '');
}

/** What the examples expect to lie around: the model, a book, a folder of books, and the given material beside the project. */
async function workplace(): Promise<string> {
  const folder = path.join(await mkdtemp(path.join(os.tmpdir(), 'longrope-docs-')), 'project');
  await mkdir(folder);
  for (const name of ['models', 'examples']) await symlink(path.join(PROJECT, name), path.join(folder, name));
  await symlink(SHARED, path.join(path.dirname(folder), 'shared'));
  const books = (await readdir(path.join(SHARED, 'data/pg19/test'))).slice(0, 2);
  await mkdir(path.join(folder, 'books'));
  for (const name of books) {
    const text = await readFile(path.join(SHARED, 'data/pg19/test', name), 'utf8');
    await writeFile(path.join(folder, 'books', name), text.slice(9000, 60_000));
  }
  await cp(path.join(folder, 'books', books[0] as string), path.join(folder, 'book.txt'));
  return folder;
}

/** Stands in for the Hub: every model is the embedded one. */
async function localHub() {
  const hub = await startHub();
  const tiny = await tinyFiles();
  hub.repositories.set('models/HuggingFaceTB/SmolLM2-135M', tiny);
  const gguf = await readFile(path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf'));
  hub.repositories.set('models/HuggingFaceTB/SmolLM2-135M-GGUF', new Map([['SmolLM2-135M.Q8_0.gguf', gguf]]));
  const questions = await readFile(path.join(SHARED, 'data/benchmarks/arc/ARC-Challenge-Test.jsonl'));
  hub.repositories.set('datasets/allenai/ai2_arc', new Map([['ARC-Challenge/test.jsonl', questions]]));
  return hub;
}

const all = await documentedCommands();
const hub = await localHub();
afterAll(() => hub.close());
const ours = all.filter(({ text }) => text.startsWith('npx longrope '));
const DEMO = 'npx longrope demo';

describe('documented commands', () => {
  it('are found', () => {
    expect(ours.length).toBeGreaterThan(6);
    expect(ours.map(({ text }) => text)).toContain(DEMO);
  });

  it('of developers name scripts and files that exist', async () => {
    const { scripts } = JSON.parse(await readFile(path.join(PROJECT, 'package.json'), 'utf8')) as { scripts: object };
    for (const { page, text } of all) {
      for (const [word] of text.matchAll(/(?<![\w./])(?:bench|parity|scripts|src|test)\/[\w./-]+/g))
        await expect(stat(path.join(PROJECT, word)), `${page}: ${text}`).resolves.toBeDefined();
      const script = /^npm (?:run )?(\S+)/.exec(text)?.[1];
      if (script !== undefined && script !== 'ci') expect(scripts, `${page}: ${text}`).toHaveProperty([script]);
    }
  });
});

// A page is read from top to bottom: later commands may use what earlier ones wrote.
describe.each([...new Set(ours.map(({ page }) => page))])('%s', (page) => {
  let cwd: string;
  beforeAll(async () => {
    cwd = await workplace();
  });
  afterAll(() => rm(path.dirname(cwd), { recursive: true, force: true }));

  const commands = ours.filter((command) => command.page === page && command.text !== DEMO).map(({ text }) => text);
  it.each([...new Set(commands)])('%s', { timeout: 180_000 }, async (text) => {
    const { code, stderr } = await longrope(commandWords(text).slice(2), { cwd, env: { HF_ENDPOINT: hub.url } });
    expect(withoutProgress(stderr)).toBe('');
    expect(code).toBe(0);
  });

  const hasDemo = ours.some((command) => command.page === page && command.text === DEMO);
  if (hasDemo)
    it(DEMO, { timeout: 400_000 }, async () => {
      const { code, stderr, stdout } = await longrope(['demo'], { cwd });
      console.log(stdout);
      expect(withoutProgress(stderr)).toBe('');
      expect(code).toBe(0);
      await expectDemo(path.join(cwd, 'longrope-demo'));
    });
});

/** The searched factors beat every closed form on held-out chapters, beyond chance, and the files say the same. */
async function expectDemo(out: string): Promise<void> {
  const view = parseReport(await readFile(path.join(out, 'report.json'), 'utf8'), 'report.json');
  const panel = view.perplexity[0];
  const at = (name: string) =>
    panel?.series.find((series) => series.name === name)?.points.at(-1)?.perplexity as number;
  for (const { name } of view.methods) if (name !== 'searched') expect(at('searched'), name).toBeLessThan(at(name));
  const atTarget = panel?.comparisons.filter(({ length }) => length === 2048) ?? [];
  expect(atTarget).toHaveLength(view.methods.length - 1);
  for (const { against, interval } of atTarget) expect(interval?.high, against).toBeLessThan(1);
  const config = JSON.parse(await readFile(path.join(out, 'config.json'), 'utf8')) as {
    rope_scaling: { long_factor: number[] };
  };
  const csv = (await readFile(path.join(out, 'factors.csv'), 'utf8')).trim().split('\n').map(Number);
  expect(config.rope_scaling.long_factor).toEqual(csv);
  expect((await stat(path.join(out, 'report.html'))).size).toBeGreaterThan(100_000);
  // A perplexity as good can come with factors that find nothing (docs/search.md).
  const factors = path.join(out, 'factors.json');
  const asked = ['--length', '512', '--trials', '10', '--rope', factors, '--json'];
  const { stdout } = await longrope(['evaluate', 'passkey', TINY, ...asked]);
  const { results } = evaluationRecordSchema.parse(JSON.parse(stdout)) as RecordOf<'passkey'>;
  expect(results[0]?.trials.filter(({ correct }) => correct).length).toBeGreaterThanOrEqual(8);
}
