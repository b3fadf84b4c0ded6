import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openTokenizer, readDataset } from '../../src/corpus/index.js';
import { EXIT_CODES } from '../../src/errors.js';
import { loadModel } from '../../src/model/index.js';
import { factorVector, formatFactorJson } from '../../src/rope/index.js';
import { type ExtendJob, extend, planExtension } from '../../src/workflow/index.js';
import { longrope } from '../helpers/cli.js';
import { rejection } from '../helpers/rejection.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { TINY } from '../helpers/tiny-model.js';

const RECIPE = `format: longrope-recipe/1
model: models/tiny
texts: { train: { paths: [books] } }
factors: { given: given.json }
stages:
  - stage: finetune
    name: tuned
    factors: given
    texts: train
    where: elsewhere
    engine: axolotl
    gpus: 2
    hyperparameters: { max_steps: 400, per_device_train_batch_size: 8, max_seq_length: 512 }
  - stage: export
    name: folder
    model: tuned
    factors: given
`;

async function workplace(): Promise<{ folder: string; job: ExtendJob }> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'r.yaml'), RECIPE);
  const factors = factorVector(Array.from({ length: 32 }, (_, pair) => 2 ** (pair / 31)));
  const set = { factors, attentionFactor: 1.02, startTokens: 0, originalLength: 256, targetLength: 512 };
  await writeFile(path.join(folder, 'given.json'), formatFactorJson(set));
  const book = await readFile(path.join(SHARED, 'data/pg19/test/10146.txt'), 'utf8');
  await mkdir(path.join(folder, 'books'));
  await writeFile(path.join(folder, 'books/10146.txt'), book.slice(9000, 20_000));
  const job: ExtendJob = {
    recipe: path.join(folder, 'r.yaml'),
    model: TINY,
    texts: new Map([['train', [path.join(folder, 'books')]]]),
    factors: new Map([['given', path.join(folder, 'given.json')]]),
    checkpoints: new Map(),
    out: path.join(folder, 'run'),
    trainingThreads: 1,
    command: 'test',
  };
  return { folder, job };
}

/** What a trainer does, as little as can be: the last bit of the last weight. */
async function changeOneWeight(model: string): Promise<void> {
  const file = path.join(model, 'model.safetensors');
  const bytes = await readFile(file);
  bytes[bytes.length - 4]! ^= 1;
  await writeFile(file, bytes);
}

describe('a training elsewhere', () => {
  test('stops with a hand-off folder and its own exit code, and goes on with the checkpoint that comes back', async () => {
    const { folder, job } = await workplace();
    const waiting = await rejection(extend(job));
    expect([waiting.kind, EXIT_CODES[waiting.kind]]).toEqual(['handoff', 8]);
    expect(waiting.message).toMatch(
      /stage tuned, --checkpoint tuned=FOLDER: expected the checkpoint that axolotl trains/,
    );
    const handoff = path.join(job.out, 'stages/tuned/handoff');
    expect(waiting.message).toContain(handoff);
    expect(await readFile(path.join(handoff, 'README.md'), 'utf8')).toContain('axolotl');
    // Asked again, it waits again, with the same folder.
    expect((await rejection(extend(job))).kind).toBe('handoff');

    const trained = path.join(folder, 'trained');
    await cp(path.join(handoff, 'model'), trained, { recursive: true });
    const untrained = await rejection(extend({ ...job, checkpoints: new Map([['tuned', trained]]) }));
    expect(untrained.message).toMatch(
      /--checkpoint tuned=.*: expected weights that were trained, found those that were/,
    );
    await changeOneWeight(trained);
    const { stages } = await extend({ ...job, checkpoints: new Map([['tuned', trained]]) });
    expect(stages.map(({ name }) => name)).toEqual(['tuned', 'folder']);
    const { scaling } = (await loadModel(path.join(job.out, 'stages/folder/model'))).spec.rope;
    expect(scaling).toMatchObject({ type: 'longrope', attentionFactor: 1.02 });
    // What it took is its own: the checkpoint need not be named or kept.
    expect((await extend(job)).stages).toEqual(stages);
    const late = await rejection(extend({ ...job, checkpoints: new Map([['tuned', TINY]]) }));
    expect(late.message).toMatch(/expected the checkpoint that stage tuned was done with, found another/);
    // Told before anything else is done; and a folder that is gone is not needed.
    await writeFile(job.recipe, `${RECIPE}  - { stage: export, name: more, model: tuned, factors: given }\n`);
    await rejection(extend({ ...job, checkpoints: new Map([['tuned', TINY]]) }));
    expect(await readdir(path.join(job.out, 'stages'))).not.toContain('more');
    for (const name of await readdir(trained)) await rm(path.join(trained, name));
    const more = await extend({ ...job, checkpoints: new Map([['tuned', trained]]) });
    await rm(trained, { recursive: true });
    expect(await extend({ ...job, checkpoints: new Map([['tuned', trained]]) })).toEqual(more);
    expect(more.stages.map(({ name }) => name)).toEqual(['tuned', 'folder', 'more']);
    const asked = JSON.parse(await readFile(path.join(job.out, 'stages/tuned/hyperparameters.json'), 'utf8'));
    // Rows of long documents alone is what axolotl gets.
    expect(asked).toMatchObject({ max_steps: 400, learning_rate: 2e-5, mixed_windows: false });
  });

  test('exports the tokenizer of the base where the checkpoint that comes back has none', async () => {
    const { folder, job } = await workplace();
    const set = JSON.parse(await readFile(path.join(folder, 'given.json'), 'utf8'));
    await writeFile(path.join(folder, 'given.json'), JSON.stringify({ ...set, attention_factor: 1 }));
    await writeFile(job.recipe, `${RECIPE}  - { stage: export, name: file, model: tuned, factors: given, to: gguf }\n`);
    await rejection(extend(job));
    const trained = path.join(folder, 'trained');
    await cp(path.join(job.out, 'stages/tuned/handoff/model'), trained, { recursive: true });
    await changeOneWeight(trained);
    for (const name of await readdir(trained)) if (/token/.test(name)) await rm(path.join(trained, name));
    await extend({ ...job, checkpoints: new Map([['tuned', trained]]) });
    const [own, ...exported] = await Promise.all(
      [TINY, path.join(job.out, 'stages/folder/model'), path.join(job.out, 'stages/file/model.gguf')].map(
        openTokenizer,
      ),
    );
    const text = "It is a truth universally acknowledged, that two numbers aren't 12,345.";
    expect(exported.map((tokenizer) => tokenizer.encode(text))).toEqual([own, own].map((it) => it?.encode(text)));
  });

  test('trains with the steps, the rows, the schedule and the optimiser of the recipe', async () => {
    const { job } = await workplace();
    const asked = `max_steps: 400, max_seq_length: 384, per_device_train_batch_size: 4, gradient_accumulation_steps: 2,
      learning_rate: 1e-5, lr_scheduler_type: linear, warmup_steps: 0.05, adam_beta1: 0.8, adam_beta2: 0.99, adam_epsilon: 1e-7,
      weight_decay: 0.1, max_grad_norm: 2, seed: 7, logging_steps: 3, save_steps: 50`;
    const settings = {
      ...{
        max_steps: 400,
        learning_rate: 1e-5,
        warmup_steps: 20,
        adam_beta1: 0.8,
        adam_beta2: 0.99,
        adam_epsilon: 1e-7,
      },
      ...{ weight_decay: 0.1, max_grad_norm: 2, seed: 7, logging_steps: 3, save_strategy: 'steps', save_steps: 50 },
    };
    const handedOff = async (engine: string, file: string) => {
      const recipe = RECIPE.replace(/engine: .*/, `engine: ${engine}`).replace(
        /hyperparameters: .*/,
        `hyperparameters: { ${asked} }`,
      );
      await writeFile(job.recipe, recipe);
      const own = { ...job, out: `${job.out}-${engine}` };
      expect((await rejection(extend(own))).kind).toBe('handoff');
      return parse(await readFile(path.join(own.out, 'stages/tuned/handoff', file), 'utf8')) as Record<string, unknown>;
    };
    // Two GPUs share a sequence, or have one each.
    const axolotl = await handedOff('axolotl', 'axolotl.yaml');
    expect(axolotl).toMatchObject({
      ...settings,
      sequence_len: 384,
      lr_scheduler: 'linear',
      gradient_accumulation_steps: 8,
    });
    const trainer = await handedOff('hf-trainer', 'training_arguments.json');
    expect(trainer).toMatchObject({ ...settings, lr_scheduler_type: 'linear', gradient_accumulation_steps: 8 });
    const factory = await handedOff('llama-factory', 'llama-factory.yaml');
    expect(factory).toMatchObject({
      ...settings,
      cutoff_len: 384,
      lr_scheduler_type: 'linear',
      gradient_accumulation_steps: 4,
    });
    for (const of of [axolotl, trainer, factory]) {
      expect(of).not.toHaveProperty('num_train_epochs');
      expect(of).not.toHaveProperty('num_epochs');
    }
    const { documents } = await readDataset(path.join(`${job.out}-axolotl`, 'stages/tuned/handoff/data'));
    expect(new Set(documents.map(({ ids }) => ids.length))).toEqual(new Set([384]));
  });

  test('hands off the column of the texts that the recipe names', async () => {
    const { folder, job } = await workplace();
    const recipe = RECIPE.replace('paths: [books]', 'paths: [books], text_field: body');
    await writeFile(job.recipe, recipe);
    const book = await readFile(path.join(folder, 'books/10146.txt'), 'utf8');
    const rows = path.join(folder, 'rows.jsonl');
    await writeFile(rows, JSON.stringify({ text: 'Too short for a row.', body: book }));
    const waiting = await rejection(extend({ ...job, texts: new Map([['train', [rows]]]) }));
    expect(waiting.kind).toBe('handoff');
  });

  test('refuses a checkpoint of another shape, one with other factors, and a stage that waits for none', async () => {
    const { folder, job } = await workplace();
    await rejection(extend(job));
    const other = path.join(folder, 'other');
    await writeTinyCheckpoint(other);
    const shape = await rejection(extend({ ...job, checkpoints: new Map([['tuned', other]]) }));
    const found = shape.problems.map(({ where }) => where.replace(/^.*: /, ''));
    expect(found).toEqual(['layers', 'hiddenSize', 'headDim', 'intermediateSize', 'vocabularySize']);
    const plain = path.join(folder, 'plain');
    await cp(TINY, plain, { recursive: true });
    await changeOneWeight(plain);
    const unscaled = await rejection(extend({ ...job, checkpoints: new Map([['tuned', plain]]) }));
    expect(unscaled.message).toMatch(
      /stage tuned, .*rope type: expected longrope, as it was handed off, found default/,
    );
    await expect(extend({ ...job, checkpoints: new Map([['folder', TINY]]) })).rejects.toThrow(/--checkpoint folder/);
  });
});

test('a dry run shows stages in order with their cost, and runs nothing', async () => {
  const { job, folder } = await workplace();
  const { stages } = await planExtension({ ...job, calibrate: false, gpu: {} });
  expect(stages).toMatchObject([
    { name: 'tuned', stage: 'finetune', here: false, work: [{ length: 512, sequences: 3200 }], tokens: 512 * 3200 },
    { name: 'folder', stage: 'export', here: true, work: [], tokens: 0, flops: 0 },
  ]);
  // Three passes' worth of a training step and one more for recomputed activations: 8 FLOPs per parameter and token, and attention.
  expect((stages[0]?.flops as number) / (512 * 3200)).toBeGreaterThan(8 * 3e6);
  const words = ['extend', 'r.yaml', '--model', TINY, '--dry-run', '--no-calibrate'];
  const { code, stdout, stderr } = await longrope(words, { cwd: folder });
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/1 tuned +finetune elsewhere +base +3200 x 512 +1638400/);
});

test('a shipped recipe finds the model of the package from everywhere, and one of that name that lies there first', async () => {
  const folder = await temporaryFolder();
  const plan = () => longrope(['extend', 'smoke', '--dry-run', '--no-calibrate', '--json'], { cwd: folder });
  const modelOf = async () => {
    const { code, stdout, stderr } = await plan();
    expect([code, stderr]).toEqual([0, '']);
    return (JSON.parse(stdout) as { readonly model: string }).model;
  };
  expect(path.resolve(folder, await modelOf())).toBe(TINY);
  // A run folder that is called as the recipe is none.
  await mkdir(path.join(folder, 'smoke'));
  expect(path.resolve(folder, await modelOf())).toBe(TINY);
  await writeTinyCheckpoint(path.join(folder, 'models/tiny'), { config: { max_position_embeddings: 256 } });
  expect(await modelOf()).toBe('models/tiny');
});
