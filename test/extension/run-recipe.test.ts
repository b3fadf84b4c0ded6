import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import {
  parseRecipe,
  runRecipe,
  type StageJob,
  type StageOutcome,
  type StageRunners,
} from '../../src/extension/index.js';
import { resumeItems, sha256, writeFileAtomic } from '../../src/run/index.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

const TEXT = `format: longrope-recipe/1
model: base-model
texts: { books: { paths: [books], samples: 2 }, train: { paths: [books] } }
factors: { published: published.csv }
stages:
  - { stage: search, name: one, target: 512, texts: books, start: [published], budget: 12evals }
  - { stage: finetune, name: two, factors: one, texts: train, hyperparameters: { max_steps: 3, max_seq_length: 512 } }
  - { stage: readjust, name: three, model: two, lengths: [256], texts: books, with: [one], max_factor: 2 }
  - { stage: evaluate, name: four, model: two, rope: [three, none], passkey: { lengths: [256] } }
`;
const INPUTS = {
  threads: '2',
  model: sha256('m'),
  'texts.books': sha256('b'),
  'texts.train': sha256('t'),
  'factors.published': sha256('p'),
};

class Killed extends Error {}

/** Every stage computes three items in a run folder of its own, from the bytes of what it is given, and dies at the n-th. */
function runners(started: string[] = [], killAt = Number.POSITIVE_INFINITY): StageRunners {
  let computed = 0;
  const run = async (
    { stage, folder, pathOf }: Pick<StageJob, 'folder' | 'pathOf'> & { readonly stage: { readonly name: string } },
    product: string,
    names: readonly string[],
  ): Promise<StageOutcome> => {
    started.push(stage.name);
    const given: string[] = [];
    for (const name of names) given.push(await readFile(pathOf(name), 'utf8').catch(() => pathOf(name)));
    const source = sha256(given.join());
    const items = await resumeItems<number, string>(
      { path: folder, manifest: { source } },
      {
        items: [0, 1, 2],
        key: String,
        parallel: 1,
        evaluate: async (item) => {
          if (++computed === killAt) throw new Killed();
          return sha256(`${source}${item}`);
        },
      },
    );
    await writeFileAtomic(path.join(folder, product), items.join());
    if (++computed === killAt) throw new Killed();
    return { outputs: [product], figures: { last: items.at(-1) as string } };
  };
  return {
    search: (job) => run(job, 'factors.json', job.stage.start ?? []),
    finetune: (job) => run(job, 'model', [job.stage.factors]),
    readjust: (job) => run(job, 'sets.json', [job.stage.model, ...job.stage.with]),
    evaluate: (job) => run(job, 'result.json', ['three']),
    export: (job) => run(job, 'model', []),
  };
}

interface Changes {
  readonly text?: string;
  readonly runners?: StageRunners;
  readonly inputs?: Record<string, string>;
  /** What has become of the inputs when a stage has run. */
  readonly now?: Record<string, string>;
}

const start = (out: string, { text = TEXT, inputs = INPUTS, now = inputs, ...changes }: Changes = {}) =>
  runRecipe({
    recipe: parseRecipe(text, 'r.yaml'),
    out,
    inputs,
    inputNow: async (name) => now[name] as string,
    runners: changes.runners ?? runners(),
  });

async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = names.map((entry) => path.join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [path.relative(folder, file), await readFile(file, 'utf8')])),
  );
}

/** Paths are part of what the stand-ins compute, so all runs are made in one place and looked at in copies. */
async function undisturbed(out: string) {
  const records = await start(out);
  const files = await contents(out);
  await rm(out, { recursive: true });
  return { records, files };
}

describe('a recipe', () => {
  test('runs its stages in order; records name hashes of inputs and outputs', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const { records, files } = await undisturbed(out);
    expect(records.map(({ name }) => name)).toEqual(['one', 'two', 'three', 'four']);
    expect(records[0]?.inputs).toEqual({
      base: INPUTS.model,
      'texts.books': INPUTS['texts.books'],
      'factors.published': INPUTS['factors.published'],
    });
    expect(Object.keys(records[2]?.inputs ?? {}).sort()).toEqual(['one', 'texts.books', 'two']);
    expect(records[0]?.outputs).toEqual({ 'factors.json': sha256(files['stages/one/factors.json'] as string) });
  });

  test('killed at any point, some twice, and started again: the same bytes, and no finished stage is run again', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const { files } = await undisturbed(out);
    // In the middle of a stage, before and after its last item, between its product and its record, at the very end; killed once more,
    // the fourth and the last end the stage in which they were.
    const rest = ['two', 'three', 'four'];
    for (const [killAt, stages] of [
      [1, ['one', ...rest]],
      [4, rest],
      [5, rest],
      [10, ['three', 'four']],
      [16, []],
    ] as const) {
      await expect(start(out, { runners: runners([], killAt) })).rejects.toBeInstanceOf(Killed);
      if (killAt % 2 === 0) await start(out, { runners: runners([], 2) }).catch(() => undefined);
      const again: string[] = [];
      await start(out, { runners: runners(again) });
      expect(again).toEqual(stages);
      expect(await contents(out)).toEqual(files);
      await rm(out, { recursive: true });
    }
  });

  test('with its journal cut at any byte: the same bytes', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const { files } = await undisturbed(out);
    await start(out);
    const size = (files['journal.jsonl'] as string).length;
    for (const bytes of [0, 1, Math.floor(size / 3), Math.floor(size / 2), size - 1]) {
      await truncate(path.join(out, 'journal.jsonl'), bytes);
      await start(out);
      expect(await contents(out)).toEqual(files);
    }
  });

  test('a stage finds nothing of an export that was killed in it', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const found: string[][] = [];
    const evaluate = async ({ folder }: StageJob<'evaluate'>): Promise<StageOutcome> => {
      found.push(await readdir(folder));
      await mkdir(path.join(folder, '.model.0123456789ab.tmp'));
      await writeFile(path.join(folder, '.model.0123456789ab.tmp/model.safetensors'), 'half of all weights');
      await writeFile(path.join(folder, 'kept'), 'whole');
      if (found.length === 1) throw new Killed();
      return { outputs: ['kept'], figures: {} };
    };
    await expect(start(out, { runners: { ...runners(), evaluate } })).rejects.toBeInstanceOf(Killed);
    await start(out, { runners: { ...runners(), evaluate } });
    expect(found).toEqual([[], ['kept']]);
  });

  test('a finished run runs nothing', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    await start(out);
    const again: string[] = [];
    expect(await start(out, { runners: runners(again) })).toHaveLength(4);
    expect(again).toEqual([]);
  });

  const changes = (out: string, problems: readonly { readonly where: string }[]) =>
    problems.map(({ where }) => where.replace(out, ''));

  test('of another model is refused even while its first stage runs', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    await start(out, { runners: runners([], 1) }).catch(() => undefined);
    const error = await rejection(start(out, { inputs: { ...INPUTS, model: sha256('other') } }));
    expect(changes(out, error.problems)).toEqual(['/manifest.json, inputs.model']);
  });

  test('is refused where a stage that has begun is another, with all that changed; removed, it is begun anew', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    // In the middle of the second stage.
    await start(out, { runners: runners([], 6) }).catch(() => undefined);
    const text = TEXT.replace('max_steps: 3', 'max_steps: 4').replace('samples: 2', 'samples: 3');
    const inputs = { ...INPUTS, 'texts.train': sha256('t2'), threads: '3' };
    const error = await rejection(start(out, { text, inputs }));
    expect(changes(out, error.problems)).toEqual([
      '/stages/one.json, settings.samples.books',
      'stage two, inputs.texts.train',
      'stage two, settings.hyperparameters.max_steps',
      'stage two, settings.threads',
    ]);
    const [of1, of2] = [error.problems[0]?.fix, error.problems[1]?.fix];
    expect([of1, of2]).toEqual([
      'put it back, give the stage another name, or start in a new folder',
      `put it back, or remove ${path.join(out, 'stages/two')} to begin this stage anew`,
    ]);
    await rm(path.join(out, 'stages/two'), { recursive: true });
    const started: string[] = [];
    const changed = { text: TEXT.replace('max_steps: 3', 'max_steps: 4'), inputs };
    await start(out, { ...changed, runners: runners(started, 1) }).catch(() => undefined);
    await start(out, { ...changed, runners: runners(started) });
    expect(started).toEqual(['two', 'two', 'three', 'four']);
  });

  test('may be changed where nothing has begun: a refused stage corrected, one more at the end', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const readjust = async () => {
      throw new UserError('input', { where: 'lengths', expected: '128', found: '256' });
    };
    await start(out, { runners: { ...runners(), readjust } }).catch(() => undefined);
    const started: string[] = [];
    const corrected = TEXT.replace('lengths: [256], texts', 'lengths: [128], texts');
    await start(out, { text: corrected, runners: runners(started) });
    const more = `${corrected}  - { stage: export, name: five, model: two, sets: three }\n`;
    expect(await start(out, { text: more, runners: runners(started) })).toHaveLength(5);
    expect(started).toEqual(['three', 'four', 'five']);
    const files = await contents(out);
    await rm(out, { recursive: true });
    await start(out, { text: more });
    // But for the journal, which tells of the attempt.
    expect({ ...(await contents(out)), 'journal.jsonl': '' }).toEqual({ ...files, 'journal.jsonl': '' });
  });

  test('whose inputs changed while a stage ran stops before its record, and goes on when they are put back', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const now = { ...INPUTS, 'texts.train': sha256('t2'), model: sha256('m2') };
    await expect(start(out, { now })).rejects.toThrow(/^stage one, model: expected the same .*, found changed since/);
    await expect(start(out, { now: { ...now, model: INPUTS.model } })).rejects.toThrow(/^stage two, texts.train: /);
    expect(Object.keys(await contents(path.join(out, 'stages')))).not.toContain('two.json');
    expect(await start(out)).toHaveLength(4);
  });

  test('whose tokenizer changed while a stage ran stops too, and one that was begun without its special tokens goes on', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const inputs = { ...INPUTS, tokenizer: sha256('t'), specialTokens: '[true,1,2]' };
    const now = { ...inputs, tokenizer: sha256('t2'), specialTokens: '[false,1,2]' };
    const error = await rejection(start(out, { inputs, now }));
    expect(error.problems.map(({ where }) => where)).toEqual(['stage one, tokenizer', 'stage one, specialTokens']);
    await start(out, { inputs });
    const other = await rejection(start(out, { inputs: { ...inputs, specialTokens: '[false,1,2]' } }));
    expect(changes(out, other.problems)).toEqual(['/manifest.json, inputs.specialTokens']);
    // An earlier version said nothing of them.
    await start(`${out}-before`, { inputs: { ...INPUTS, tokenizer: sha256('t') } });
    expect(await start(`${out}-before`, { inputs })).toHaveLength(4);
  });

  test('whose training here was begun by an earlier version with what is of trainings elsewhere goes on without it', async () => {
    const out = await temporaryFolder();
    const recipe = parseRecipe(TEXT, 'r.yaml');
    const stages = recipe.stages.map((stage) => (stage.stage === 'finetune' ? { ...stage, gpus: 2 } : stage));
    const begun = runRecipe({
      ...{ recipe: { ...recipe, stages }, out, inputs: INPUTS, runners: runners([], 8) },
      inputNow: async (name) => (INPUTS as Readonly<Record<string, string>>)[name] as string,
    });
    await expect(begun).rejects.toThrow(Killed);
    expect((await start(out, {})).map(({ name }) => name)).toEqual(['one', 'two', 'three', 'four']);
  });

  test('is refused when the files of a finished stage were changed or removed', async () => {
    const folder = await temporaryFolder();
    const out = path.join(folder, 'run');
    await start(out);
    await cp(out, `${out}-2`, { recursive: true });
    await writeFile(path.join(out, 'stages/one/factors.json'), 'edited');
    await expect(start(out)).rejects.toThrow(
      /stages\/one\/factors.json: expected the file as stage one left it, found other/,
    );
    await rm(path.join(`${out}-2`, 'stages/two.json'));
    await expect(start(`${out}-2`)).rejects.toThrow(/stages\/two.json/);
  });

  test('names the stage in which something is wrong', async () => {
    const out = path.join(await temporaryFolder(), 'run');
    const readjust = async () => {
      throw new UserError('input', { where: 'books', expected: 'long texts', found: 'short ones' });
    };
    await expect(start(out, { runners: { ...runners(), readjust } })).rejects.toThrow(
      'stage three, books: expected long',
    );
    await mkdir(path.join(out, 'stages'), { recursive: true });
    expect(await start(out)).toHaveLength(4);
  });
});
