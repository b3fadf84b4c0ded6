import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { TRAINING_ENGINES, type TrainingEngineName } from '../src/export/index.js';
import { loadModel } from '../src/model/index.js';
import { exportHf } from '../src/workflow/export-hf.js';
import { exportTraining } from '../src/workflow/export-training.js';
import { Exchange, SHARED, TINY } from './models.js';
import { pythonInterpreter } from './python.js';

let exchange: Exchange;
beforeAll(async () => {
  exchange = await Exchange.open();
  const text = await readFile(path.join(SHARED, 'data/pg19/test/10146.txt'), 'utf8');
  await writeFile(path.join(exchange.folder, 'book.txt'), text.slice(9000, 40_000));
});
afterAll(() => exchange?.remove());

const handoff = (engine: TrainingEngineName, gpus: number) =>
  exportTraining({
    model: TINY.path,
    engine,
    rope: 'yarn:2',
    data: [path.join(exchange.folder, 'book.txt')],
    out: path.join(exchange.folder, `${engine}-${gpus}`),
    gpus,
    weights: 'copy',
  });

const python = (cwd: string, ...words: readonly string[]) =>
  execFileSync(pythonInterpreter(), words, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, HF_HUB_OFFLINE: '1', WANDB_DISABLED: 'true' },
  });

describe('export training', () => {
  it('datasets loads the rows of every engine', async () => {
    const words: string[] = [];
    for (const engine of TRAINING_ENGINES) {
      const { out, rows } = await handoff(engine, 1);
      words.push(`${engine}:${rows}:${out}`);
    }
    const script = path.join(import.meta.dirname, 'check_training.py');
    console.log(python(exchange.folder, script, 'data', ...words).trim());
  });

  it('hf-trainer: its train.py takes one step on the CPU, and the checkpoint comes back', async () => {
    const out = path.join(exchange.folder, 'hf-trainer-1');
    const file = path.join(out, 'training_arguments.json');
    const { deepspeed: _, bf16: __, ...values } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify({ ...values, use_cpu: true, max_steps: 1, gradient_accumulation_steps: 1 }));
    python(out, 'train.py', 'training_arguments.json');
    const { rope } = await exportHf({
      model: path.join(out, 'trained'),
      restore: out,
      out: path.join(exchange.folder, 'extended'),
      force: false,
      weights: 'link',
      profile: 'redundant',
      engines: ['transformers'],
      factorSets: [],
    });
    expect(rope).toMatchObject({ originalLength: 256, targetLength: 512 });
    const { scaling } = (await loadModel(path.join(exchange.folder, 'extended'))).spec.rope;
    if (scaling.type !== 'longrope') throw new Error(scaling.type);
    expect([...scaling.shortFactor]).toEqual(Array.from({ length: 32 }, () => 1));
  });

  it('hf-trainer: transformers and accelerate know every setting', async () => {
    const { out } = await handoff('hf-trainer', 2);
    console.log(python(out, path.join(import.meta.dirname, 'check_training.py'), 'arguments').trim());
  });
});

/** AXOLOTL_SOURCE and LLAMA_FACTORY_SOURCE name checkouts; only the field names of their settings are read. */
describe.each([
  ['axolotl', 'AXOLOTL_SOURCE', 'src/axolotl/utils/schemas', '-', 'axolotl.yaml'],
  [
    'llama-factory',
    'LLAMA_FACTORY_SOURCE',
    'src/llamafactory/hparams',
    'Seq2SeqTrainingArguments',
    'llama-factory.yaml',
  ],
] as const)('settings of %s', (engine, variable, folder, base, name) => {
  const source = process.env[variable];
  it.skipIf(source === undefined)(`are fields of its classes (${variable})`, async () => {
    const { out } = await handoff(engine, 2);
    const keys = Object.entries(parse(await readFile(path.join(out, name), 'utf8')) as object).flatMap(
      ([key, value]: [string, unknown]) =>
        // Blocks within a block have classes of their own in the same folder.
        typeof value === 'object' && value !== null && !Array.isArray(value) ? [key, ...Object.keys(value)] : [key],
    );
    const script = path.join(import.meta.dirname, 'check_training.py');
    console.log(python(out, script, 'fields', path.join(source as string, folder), base, ...keys).trim());
  });
});
