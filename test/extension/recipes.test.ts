import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../src/extension/index.js';
import { FINETUNE_DEFAULTS } from '../../src/training/defaults.js';
import { planExtension } from '../../src/workflow/index.js';
import { PROJECT } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

const recipes = (await readdir(path.join(PROJECT, 'recipes'))).map((name) => name.replace(/\.yaml$/, ''));
const plan = (recipe: string, model: string) =>
  planExtension({ recipe, model, texts: new Map(), factors: new Map(), calibrate: false, gpu: {} });

/** A config alone, which is enough for a plan. */
async function llama2(): Promise<string> {
  const config = path.join(await temporaryFolder(), 'config.json');
  const values = {
    ...{ model_type: 'llama', hidden_size: 4096, intermediate_size: 11008, num_hidden_layers: 32 },
    ...{ num_attention_heads: 32, num_key_value_heads: 32, vocab_size: 32000, max_position_embeddings: 4096 },
    ...{ rms_norm_eps: 1e-5, hidden_act: 'silu', rope_theta: 10000 },
  };
  await writeFile(config, JSON.stringify(values));
  return config;
}

describe('shipped recipes', () => {
  // The embedded model has too few heads for the GPUs of the others.
  it.each(recipes)('%s is valid and has a cost', async (name) => {
    const { stages } = await plan(name, /^(tiny|smoke)/.test(name) ? TINY : await llama2());
    expect(stages.length).toBeGreaterThan(3);
    for (const { stage, flops } of stages) expect(flops > 0).toBe(stage !== 'export');
  });

  it('and the one that docs/extend.md shows are valid', async () => {
    const page = await readFile(path.join(PROJECT, 'docs/extend.md'), 'utf8');
    const [, recipe = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
    expect(parseRecipe(recipe, 'docs/extend.md').stages.map(({ stage }) => stage)).toEqual([
      'search',
      'finetune',
      'search',
      'readjust',
      'evaluate',
      'export',
    ]);
  });

  it('fine-tune as the command does, unless told otherwise', () => {
    const text = `format: longrope-recipe/1
model: m
texts: { t: { paths: [t] } }
stages: [{ stage: finetune, name: a, factors: 'yarn:2', texts: t, hyperparameters: { max_steps: 1, max_seq_length: 2k } }]`;
    const [stage] = parseRecipe(text, 'r.yaml').stages;
    if (stage?.stage !== 'finetune') throw new Error('no finetune stage');
    const { max_steps: _, max_seq_length: __, ...defaults } = stage.hyperparameters;
    const camelCase = (key: string) => key.replace(/_(\w)/g, (___, letter: string) => letter.toUpperCase());
    const named = Object.fromEntries(Object.entries(defaults).map(([key, value]) => [camelCase(key), value]));
    expect(FINETUNE_DEFAULTS).toMatchObject({ ...named, mixedWindows: stage.mixed_windows });
  });

  it('llama2-2048k trains the tokens of the paper, and is planned from a config alone', async () => {
    const { stages } = await plan('llama2-2048k', await llama2());
    const tokens = Object.fromEntries(stages.map(({ name, tokens: of }) => [name, of]));
    expect(tokens['ft128k']).toBe(400 * 32 * 131_072);
    expect(tokens['ft256k']).toBe(600 * 32 * 262_144);
    expect(tokens['s128k']).toBe(1344 * 5 * 131_072);
  });
});
