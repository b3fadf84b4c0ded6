import { describe, expect, it } from 'vitest';
import { rejection } from '../helpers/rejection.js';
import { loadTinyArchitecture, TINY_ARCHITECTURES } from '../helpers/tiny-architectures.js';

const W = 12;

/** The refusals of a config without its file name. */
async function problemsOf(name: string, changes: Record<string, unknown>): Promise<string[]> {
  const { problems } = await rejection(loadTinyArchitecture(name, changes));
  return problems.map(
    ({ where, expected, found }) => `${where.replace(/.*config\.json: /, '')}: ${expected} | ${found}`,
  );
}

describe('windows by layer', () => {
  it.each([
    ['qwen2', {}, [null, W]],
    ['qwen2', { use_sliding_window: false }, [null, null]],
    ['qwen2', { use_sliding_window: undefined }, [null, null]],
    ['qwen2', { max_window_layers: 0 }, [W, W]],
    ['qwen2', { sliding_window: undefined }, [null, 4096]],
    ['qwen3', { layer_types: ['sliding_attention', 'full_attention'] }, [W, null]],
    ['phi3', {}, [W, W]],
    ['phi3', { sliding_window: null }, [null, null]],
    ['mixtral', {}, [null, null]],
    ['mixtral', { sliding_window: W }, [W, W]],
    ['smollm3', { use_sliding_window: true, sliding_window: W }, [null, W, null]],
    ['olmo2', { sliding_window: W }, [null, null]],
    ['gemma3', {}, [W, W, null]],
    ['gemma3', { sliding_window_pattern: undefined }, [W, W, W]],
    ['gemma3', { sliding_window_pattern: 2 }, [W, null, W]],
    ['gemma2', {}, [W, null, W]],
  ])('%s with %o', async (name, changes, expected) => {
    expect((await loadTinyArchitecture(name, changes)).spec.slidingWindow).toEqual(expected);
  });

  it.each([
    ['qwen2', { use_sliding_window: false, layer_types: ['full_attention', 'sliding_attention'] }],
    ['smollm3', { sliding_window: W, layer_types: ['full_attention', 'sliding_attention', 'full_attention'] }],
  ])('%s: windows that are switched off although a layer slides', async (name, changes) => {
    expect(await problemsOf(name, changes)).toEqual(['use_sliding_window: true, because layer 1 slides | false']);
  });

  it('no window, wrong entries, or too few', async () => {
    expect(await problemsOf('gemma2', { sliding_window: null })).toEqual([
      'sliding_window: a window, because layer 0 slides | nothing',
    ]);
    expect(await problemsOf('qwen3', { layer_types: ['full_attention', 'linear_attention'] })).toEqual([
      'layer_types.1: full_attention or sliding_attention | "linear_attention"',
    ]);
    expect(await problemsOf('gemma3', { layer_types: ['full_attention'] })).toEqual([
      'layer_types: 3 entries, one per layer | 1',
    ]);
  });
});

describe('what sets them apart', () => {
  it('qwen2 has biases on queries, keys and values; qwen3 norms of heads of 128', async () => {
    const qwen2 = await loadTinyArchitecture('qwen2');
    expect(qwen2.spec.attentionBias).toEqual({ query: true, key: true, value: true, output: false });
    const { spec, tensors } = await loadTinyArchitecture('qwen3', { head_dim: undefined });
    expect(spec).toMatchObject({ headDim: 128, queryKeyNorm: 'head' });
    expect(tensors.get('model.layers.0.self_attn.q_norm.weight')?.shape).toEqual([128]);
  });

  it('phi3 splits its fused weights and turns a part of each head', async () => {
    const { spec, tensors } = await loadTinyArchitecture('phi3');
    expect(spec.rope.geometry).toMatchObject({ headDim: 32, rotaryDim: 16 });
    expect(tensors.get('model.layers.0.self_attn.k_proj.weight')?.shape).toEqual([64, 32]);
    expect(tensors.get('model.layers.0.mlp.up_proj.weight')?.shape).toEqual([48, 32]);
  });

  it('smollm3: every fourth layer does not turn, unless it says which', async () => {
    const layers = { num_hidden_layers: 5, no_rope_layers: undefined };
    const rotation = async (changes: object) =>
      (await loadTinyArchitecture('smollm3', { ...layers, ...changes })).spec.rotation.map((turn) => turn[0]).join('');
    expect(await rotation({})).toBe('gggng');
    expect(await rotation({ no_rope_layer_interval: 2 })).toBe('gngng');
    expect(await rotation({ no_rope_layers: [0, 1, 1, 0, 1, 1] })).toBe('nggng');
    const { spec } = await loadTinyArchitecture('smollm3', { rope_parameters: undefined });
    expect(spec.rope.geometry.theta).toBe(2_000_000);
  });

  it('olmo2 normalises what comes out, and whole projections', async () => {
    const { spec, tensors } = await loadTinyArchitecture('olmo2', { rms_norm_eps: undefined });
    expect(spec).toMatchObject({ normPlacement: 'after', queryKeyNorm: 'projection', normEpsilon: 1e-5 });
    expect(tensors.get('model.layers.0.self_attn.k_norm.weight')?.shape).toEqual([32]);
    expect(tensors.has('model.layers.0.input_layernorm.weight')).toBe(false);
    expect(tensors.has('model.layers.0.post_feedforward_layernorm.weight')).toBe(true);
  });

  it('mixtral asks some of its experts', async () => {
    const { spec, tensors } = await loadTinyArchitecture('mixtral', { rope_parameters: undefined });
    expect(spec.experts).toEqual({ count: 4, perToken: 2 });
    expect(tensors.get('model.layers.1.block_sparse_moe.experts.3.w2.weight')?.shape).toEqual([32, 48]);
    expect(spec.rope.geometry.theta).toBe(1_000_000);
  });

  it('gemma2 and gemma3 scale embeddings and scores, and only gemma2 caps them', async () => {
    const shared = {
      attentionScale: 20 ** -0.5,
      embeddingScale: Math.sqrt(32),
      normOffset: 1,
      activation: 'gelu-tanh',
    };
    const gemma2 = await loadTinyArchitecture('gemma2', { attn_logit_softcapping: undefined });
    expect(gemma2.spec).toMatchObject({ ...shared, attentionSoftcap: 50, logitSoftcap: 3, queryKeyNorm: 'none' });
    const gemma3 = await loadTinyArchitecture('gemma3');
    expect(gemma3.spec).toMatchObject({ ...shared, attentionSoftcap: null, logitSoftcap: null, queryKeyNorm: 'head' });
  });
});

describe('two kinds of RoPE in gemma3', () => {
  const linear = { rope_type: 'linear', factor: 8 };
  const v4 = { rope_parameters: undefined, rope_scaling: linear, rope_theta: 500_000, rope_local_base_freq: 20_000 };

  it.each([
    ['v4', v4, 500_000, 20_000],
    ['v4 without bases', { rope_parameters: undefined, rope_scaling: linear }, 1_000_000, 10_000],
    [
      'v5',
      {
        rope_parameters: {
          full_attention: { ...linear, rope_theta: 500_000 },
          sliding_attention: { rope_type: 'default', rope_theta: 20_000 },
        },
      },
      500_000,
      20_000,
    ],
    ['v5, with an override', { rope_scaling: linear }, 1_000_000, 10_000],
  ])('%s', async (_, changes, theta, localTheta) => {
    const { spec } = await loadTinyArchitecture('gemma3', changes);
    expect(spec.rope).toMatchObject({ geometry: { theta }, scaling: { type: 'linear', factor: 8 } });
    expect(spec.localRope).toEqual({
      geometry: { theta: localTheta, headDim: 16, rotaryDim: 16 },
      scaling: { type: 'default' },
    });
    expect(spec.rotation).toEqual(['local', 'local', 'global']);
  });

  it('nothing local without local layers', async () => {
    const { spec } = await loadTinyArchitecture('gemma3', { layer_types: Array(3).fill('full_attention') });
    expect([spec.localRope, spec.rotation]).toEqual([null, ['global', 'global', 'global']]);
  });

  it('refuses keys that transformers would not read', async () => {
    expect(await problemsOf('gemma3', { rope_parameters: { ...linear, rope_theta: 500_000 } })).toEqual([
      'rope_parameters: one block per layer type (full_attention, sliding_attention) | rope_type, factor, rope_theta',
    ]);
    const longrope = {
      rope_type: 'longrope',
      short_factor: Array(8).fill(1),
      long_factor: Array(8).fill(2),
      factor: 2,
    };
    expect(
      await problemsOf('gemma3', {
        original_max_position_embeddings: 32,
        rope_parameters: { full_attention: longrope },
      }),
    ).toContain(
      'rope_parameters.full_attention.original_max_position_embeddings: 32, as at top level, where transformers does not look | nothing',
    );
    expect(await problemsOf('gemma3', { attn_logit_softcapping: 50 })).toHaveLength(1);
    expect(await problemsOf('gemma3', { use_bidirectional_attention: true })).toEqual([
      'use_bidirectional_attention: false: attention is causal here | true',
    ]);
    const local = { rope_type: 'dynamic', factor: 2 };
    expect(await problemsOf('gemma3', { rope_parameters: { sliding_attention: local } })).toEqual([
      'rope_parameters.sliding_attention: RoPE of type default or linear | dynamic',
    ]);
  });
});

describe('RoPE of phi3', () => {
  const lists = { short_factor: Array(8).fill(1), long_factor: Array(8).fill(2) };
  const su = (extra: object = {}) => ({
    rope_parameters: undefined,
    partial_rotary_factor: 0.5,
    rope_theta: 10_000,
    rope_scaling: { type: 'su', ...lists, ...extra },
  });

  it.each(['su', 'yarn', 'longrope'])('type %s is longrope', async (type) => {
    const { spec } = await loadTinyArchitecture('phi3', su({ type }));
    expect(spec.rope.scaling).toMatchObject({ type: 'longrope', originalLength: 32, factor: 2 });
    expect(spec.rope.originalLength).toBe(32);
  });

  it('takes an original length of 4096 if none is at top level, and refuses another one in the block', async () => {
    const top = { original_max_position_embeddings: undefined, max_position_embeddings: 8192 };
    const { spec } = await loadTinyArchitecture('phi3', { ...su(), ...top });
    expect(spec.rope.scaling).toMatchObject({ originalLength: 4096, factor: 2 });
    expect(await problemsOf('phi3', { ...su({ original_max_position_embeddings: 2048 }), ...top })).toEqual([
      'original_max_position_embeddings: 2048, as in rope_scaling, where this class does not look | nothing',
    ]);
  });

  it('refuses lists of another length, and other types', async () => {
    const wrong = await problemsOf('phi3', su({ short_factor: Array(16).fill(1), long_factor: undefined }));
    expect(wrong.join('\n')).toMatch(/rope_scaling\.short_factor.*8.*16/);
    expect(wrong.join('\n')).toMatch(/rope_scaling\.long_factor: a list of numbers/);
    expect(await problemsOf('phi3', su({ type: 'linear', factor: 2 }))).toEqual([
      'rope_scaling.type: one of default, longrope | "linear"',
    ]);
  });
});

describe('refusals', () => {
  it.each(['qwen2', 'qwen3', 'smollm3', 'olmo2', 'mixtral', 'gemma2', 'gemma3'])(
    '%s turns whole heads',
    async (name) => {
      const rope = name === 'gemma3' ? {} : { rope_parameters: { rope_type: 'default', rope_theta: 10_000 } };
      const problems = await problemsOf(name, { ...rope, partial_rotary_factor: 0.5 });
      expect(problems.join('\n')).toContain('1 or nothing, because this architecture turns whole heads | 0.5');
    },
  );

  it('of single keys', async () => {
    expect(await problemsOf('mixtral', { num_experts_per_tok: 5 })).toEqual([
      'num_experts_per_tok: at most num_local_experts (4) | 5',
    ]);
    expect(await problemsOf('smollm3', { no_rope_layers: [1, 0] })).toEqual([
      'no_rope_layers: at least 3 entries, one per layer | 2',
    ]);
    expect(await problemsOf('smollm3', { no_rope_layers: [1, 0, 2] })).toEqual(['no_rope_layers.2: 0 or 1 | 2']);
    expect(await problemsOf('gemma2', { hidden_activation: 'gelu' })).toEqual([
      'hidden_activation: gelu_pytorch_tanh (gemma2) | gelu',
    ]);
  });

  it('all of them open with tied embeddings too', async () => {
    for (const name of Object.keys(TINY_ARCHITECTURES)) {
      const { spec, tensors } = await loadTinyArchitecture(name, { tie_word_embeddings: true });
      expect([name, spec.tiedEmbeddings, tensors.has('lm_head.weight')]).toEqual([name, true, false]);
    }
  });
});
