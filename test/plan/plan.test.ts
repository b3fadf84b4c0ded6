import { readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeSafetensorsHeader } from '../../src/model/checkpoint/safetensors-header.js';
import { forwardFlops, machineSeconds, sequenceSeconds, totalFlops } from '../../src/plan/index.js';
import { type PlanJob, planModel } from '../../src/workflow/index.js';
import { rejection } from '../helpers/rejection.js';
import { SHARED } from '../helpers/stories260k.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { loadTiny, TINY } from '../helpers/tiny-model.js';

const job = (more: Partial<PlanJob> = {}): PlanJob => ({
  model: TINY,
  target: 1024,
  documents: 4,
  calibrate: false,
  gpu: {},
  ...more,
});

async function configFile(change: Record<string, unknown>): Promise<string> {
  const file = path.join(await temporaryFolder(), 'config.json');
  const config = JSON.parse(await readFile(path.join(TINY, 'config.json'), 'utf8'));
  await writeFile(file, JSON.stringify({ ...config, ...change }));
  return file;
}

/** A terabyte of weights, of which the disk holds nothing but the header. */
async function hugeModel(): Promise<string> {
  const folder = await temporaryFolder();
  const [hidden, vocabulary, inner] = [2 ** 15, 2 ** 24, 64];
  const config = JSON.parse(await readFile(path.join(TINY, 'config.json'), 'utf8'));
  const size = { hidden_size: hidden, vocab_size: vocabulary, num_hidden_layers: 1, intermediate_size: inner };
  await writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...config, ...size }));
  const layer = 'model.layers.0';
  const shapes: [string, number[]][] = [
    ['model.embed_tokens.weight', [vocabulary, hidden]],
    ['model.norm.weight', [hidden]],
    [`${layer}.input_layernorm.weight`, [hidden]],
    [`${layer}.post_attention_layernorm.weight`, [hidden]],
    [`${layer}.self_attn.q_proj.weight`, [256, hidden]],
    [`${layer}.self_attn.k_proj.weight`, [128, hidden]],
    [`${layer}.self_attn.v_proj.weight`, [128, hidden]],
    [`${layer}.self_attn.o_proj.weight`, [hidden, 256]],
    [`${layer}.mlp.gate_proj.weight`, [inner, hidden]],
    [`${layer}.mlp.up_proj.weight`, [inner, hidden]],
    [`${layer}.mlp.down_proj.weight`, [hidden, inner]],
  ];
  const tensors = shapes.map(([name, shape]) => {
    return { name, dtype: 'F16', shape, byteLength: 2 * shape.reduce((a, b) => a * b, 1) };
  });
  const header = encodeSafetensorsHeader(tensors);
  const file = path.join(folder, 'model.safetensors');
  await writeFile(file, header);
  await truncate(
    file,
    tensors.reduce((end, { byteLength }) => end + byteLength, header.length),
  );
  return folder;
}

describe('plan', () => {
  it('adds up what its stages do, and counts the parameters that the checkpoint has', async () => {
    const plan = await planModel(job());
    const { spec, tensors } = await loadTiny();
    const stored = [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    expect(plan.parameters.total).toBe(stored);
    expect(plan).toMatchObject({ original: { value: 256 }, ratio: 4, machine: null });
    const evaluation = plan.stages.at(-1);
    expect(evaluation?.tokens).toBe(4 * (256 + 512 + 1024));
    const flops = [256, 512, 1024].reduce((sum, length) => sum + 4 * totalFlops(forwardFlops(spec, length)), 0);
    expect(evaluation?.flops).toBe(flops);
    expect(plan.lengths.map(({ length }) => length)).toEqual([256, 512, 1024]);
  });

  it('measures this machine and uses it for every time', async () => {
    const plan = await planModel(job({ target: 512, calibrate: true, documents: 1 }));
    const { machine, lengths, stages } = plan;
    const { spec } = await loadTiny();
    expect(machine?.measured.map(({ length }) => length)).toEqual([128, 512]);
    // An exact fit, unless noise made the rates unphysical; the longer one is then kept.
    for (const { length, seconds } of machine!.measured)
      if (length === 512) expect(sequenceSeconds(machine!, forwardFlops(spec, length))).toBeCloseTo(seconds, 6);
    expect(lengths.at(-1)?.machineSeconds).toBe(sequenceSeconds(machine!, forwardFlops(spec, 512)));
    expect(stages[0]?.machineSeconds).toBe(machineSeconds(machine!, forwardFlops(spec, 512), 134));
  });

  it('plans a model that is too large for this machine', async () => {
    const plan = await planModel(job({ model: await hugeModel(), calibrate: true }));
    expect(plan.machine).toBeNull();
    expect(plan.notes.join('; ')).toMatch(/does not fit into this machine: .*; times are not measured/);
  });

  it.each([
    [{ model_type: 'unheard-of', hidden_act: 'odd' }, 'nothing can be measured'],
    [{ sliding_window: 64, model_type: 'mistral' }, 'not the original length'],
    [{ rope_scaling: { type: 'linear', factor: 2 } }, '--original 128'],
    [
      {
        max_position_embeddings: 4096,
        rope_scaling: { type: 'yarn', factor: 16, original_max_position_embeddings: 256 },
      },
      'already claims 4096',
    ],
  ])('takes a config alone: %j', async (change, note) => {
    const plan = await planModel(job({ model: await configFile(change) }));
    expect(plan.notes.join('; ')).toContain(note);
    expect(plan.original.value).toBe(256);
    expect(plan.machine).toBeNull();
  });

  it('gives every tool the ratio of the lengths and the lengths themselves', async () => {
    const { yarn, longrope } = await planModel(job({ target: 2048 }));
    const text = (settings: typeof yarn) => settings.map(({ tool, lines }) => `${tool}: ${lines.join(' ')}`).join('\n');
    expect(text(yarn)).toMatch(
      /--max-model-len 2048 --hf-overrides .*"factor":8,"original_max_position_embeddings":256/,
    );
    expect(text(yarn)).toContain('-c 2048 --rope-scaling yarn --rope-scale 8 --yarn-orig-ctx 256');
    expect(text(yarn)).toContain('sequence_len: 2048');
    expect(text(longrope)).toContain('"short_factor": [32 numbers]');
    // sqrt(1 + ln 8 / ln 256)
    expect(text(longrope)).toContain('"attention_factor":1.17260393995');
    expect(text(longrope)).not.toContain('--rope-scale ');
    const foreign = await planModel(job({ model: await configFile({ model_type: 'unheard-of' }) }));
    expect(foreign.longrope.find(({ tool }) => tool === 'llama.cpp')?.note).toContain('not for unheard-of');
  });

  it('gives no commands for an original length that they would not take', async () => {
    const plan = await planModel(job({ original: 64 }));
    expect(plan.stages.every(({ command }) => command === undefined)).toBe(true);
    expect(plan.notes.join('; ')).toContain('no commands: search and evaluate take 256 tokens');
    expect((await planModel(job({ original: 256 }))).stages.every(({ command }) => command !== undefined)).toBe(true);
  });

  it('counts the documents of a search without gradients', async () => {
    const moe = { model_type: 'mixtral', num_local_experts: 2, num_experts_per_tok: 1 };
    const { stages } = await planModel(job({ model: await configFile(moe) }));
    expect(stages[0]).toMatchObject({ kind: 'search', work: [{ length: 1024, sequences: 350 }] });
    expect(stages[0]?.command).toContain('--budget 350evals');
    expect((await planModel(job())).stages[0]?.work).toEqual([{ length: 1024, sequences: 134 }]);
  });

  it('reads a GGUF that lies beside a config.json alone, as every other command does', async () => {
    const folder = await temporaryFolder();
    const file = path.join(SHARED, 'models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf');
    const target = 16_384;
    await symlink(file, path.join(folder, 'model.gguf'));
    await writeFile(path.join(folder, 'config.json'), '{"model_type": "llama"}');
    const [plan, alone] = [
      await planModel(job({ model: folder, target })),
      await planModel(job({ model: file, target })),
    ];
    expect([plan.original, plan.parameters]).toEqual([alone.original, alone.parameters]);
  });

  it('writes YaRN as lists where the class of a model knows no yarn', async () => {
    const { yarn } = await planModel(job({ model: await configFile({ model_type: 'phi3' }), target: 2048 }));
    const lines = yarn.flatMap((settings) => settings.lines).join('\n');
    expect(lines).toContain('--rope yarn:8@longrope --out extended');
    expect(lines).not.toContain('"yarn"');
    expect(yarn[0]?.note).toContain('cannot say yarn');
  });

  it('refuses what is no extension', async () => {
    for (const target of [2, 256])
      expect((await rejection(planModel(job({ target })))).message).toContain('above the original');
    expect((await rejection(planModel(job({ original: 1024 })))).message).toContain('(--original)');
    expect((await rejection(planModel(job({ gpu: { name: 'tpu' } })))).kind).toBe('usage');
  });
});
