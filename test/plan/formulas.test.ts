import { describe, expect, it } from 'vitest';
import type { UserError } from '../../src/errors.js';
import {
  cacheBytes,
  cacheBytesPerToken,
  chooseGpu,
  countParameters,
  doublings,
  fitSpeed,
  forwardFlops,
  gpuSeconds,
  gpusFor,
  logitsBytes,
  type ModelShape,
  machineSeconds,
  originalLength,
  recommendStages,
  sequenceSeconds,
  servingBytes,
  trainingActivationBytes,
  trainingStateBytes,
  visiblePairs,
} from '../../src/plan/index.js';

const NO_BIAS = { query: false, key: false, value: false, output: false };

const LLAMA_3_8B: ModelShape = {
  layers: 32,
  hiddenSize: 4096,
  heads: 32,
  keyValueHeads: 8,
  headDim: 128,
  intermediateSize: 14_336,
  vocabularySize: 128_256,
  tiedEmbeddings: false,
  attentionBias: NO_BIAS,
  mlpBias: false,
  experts: null,
  slidingWindow: Array(32).fill(null),
};

/** HuggingFaceTB/SmolLM2-135M, whose card says 134,515,008 parameters. */
const SMOLLM2_135M: ModelShape = {
  ...LLAMA_3_8B,
  ...{ layers: 30, hiddenSize: 576, heads: 9, keyValueHeads: 3, headDim: 64, intermediateSize: 1536 },
  ...{ vocabularySize: 49_152, tiedEmbeddings: true, slidingWindow: Array(30).fill(null) },
};

describe('parameters', () => {
  it('are those of the published checkpoints', () => {
    expect(countParameters(LLAMA_3_8B).total).toBe(8_030_261_248);
    expect(countParameters(SMOLLM2_135M).total).toBe(134_515_008);
  });

  it('count experts, all for memory and those of a token for FLOPs', () => {
    // Mixtral-8x7B, whose authors say 47 B and 13 B.
    const mixtral = { ...LLAMA_3_8B, vocabularySize: 32_000, experts: { count: 8, perToken: 2 } };
    const { total, activeMatrices, head } = countParameters(mixtral);
    expect(total).toBe(46_702_792_704);
    // 32 * (41,943,040 + 32,768 + 2 * 176,160,768) + 32,000 * 4,096
    expect(activeMatrices + head).toBe(12_748_587_008);
    expect(forwardFlops(mixtral, 1).linear).toBe(2 * 12_748_587_008);
  });

  it('count biases', () => {
    // Qwen2-0.5B: 494,032,768; q, k and v have biases.
    const qwen: ModelShape = {
      ...SMOLLM2_135M,
      ...{ layers: 24, hiddenSize: 896, heads: 14, keyValueHeads: 2, headDim: 64, intermediateSize: 4864 },
      ...{ vocabularySize: 151_936, attentionBias: { ...NO_BIAS, query: true, key: true, value: true } },
    };
    expect(countParameters(qwen).total).toBe(494_032_768);
  });
});

describe('FLOPs of a forward pass', () => {
  it('by hand, Llama-3-8B at 131,072 tokens', () => {
    const { linear, attention } = forwardFlops(LLAMA_3_8B, 131_072);
    // 2 * 131,072 * (32 * 218,103,808 + 525,336,576)
    expect(linear).toBe(1_967_301_179_998_208);
    // 32 * 4 * 4,096 * 131,072 * 131,073 / 2
    expect(attention).toBe(4_503_633_987_108_864);
    // reference: 20,480 sequences are about 94 H100-hours at 400 TFLOP/s
    const hours =
      gpuSeconds({ ...chooseGpu({ name: 'h100' }), utilisation: 400 / 989 }, 20_480 * (linear + attention)) / 3600;
    expect(hours).toBeGreaterThan(90);
    expect(hours).toBeLessThan(98);
  });

  it('see only what a window leaves', () => {
    expect(visiblePairs(5, null)).toBe(15);
    // 1, 2, 3, 3, 3
    expect(visiblePairs(5, 3)).toBe(12);
    const windowed = { ...LLAMA_3_8B, slidingWindow: [...Array(16).fill(4096), ...Array(16).fill(null)] };
    const full = forwardFlops(LLAMA_3_8B, 131_072).attention;
    const perLayer = 16_384 * ((4096 * 4097) / 2 + (131_072 - 4096) * 4096);
    expect(forwardFlops(windowed, 131_072).attention).toBe(full / 2 + 16 * perLayer);
  });
});

describe('memory', () => {
  it('of keys and values, by hand', () => {
    expect(cacheBytesPerToken(LLAMA_3_8B)).toBe(131_072);
    expect(cacheBytes(LLAMA_3_8B, 131_072)).toBe(17_179_869_184);
    const windowed = { ...LLAMA_3_8B, slidingWindow: [...Array(16).fill(4096), ...Array(16).fill(null)] };
    expect(cacheBytes(windowed, 131_072)).toBe(8_589_934_592 + 268_435_456);
  });

  it('of serving and training, by hand', () => {
    // 2 * 8,030,261,248 + 131,072 * 1,000 + 1,000 * 2 * (3*4096 + 2*4096 + 2*1024 + 3*14336)
    expect(servingBytes(LLAMA_3_8B, 1000)).toBe(16_060_522_496 + 131_072_000 + 131_072_000);
    expect(trainingStateBytes(LLAMA_3_8B)).toBe(128_484_179_968);
    // 1,000 * (2 * 32 * 4096 + 2 * 131,072)
    expect(trainingActivationBytes(LLAMA_3_8B, 1000)).toBe(524_288_000);
    expect(logitsBytes(LLAMA_3_8B, 131_072)).toBe(67_243_081_728);
    expect(gpusFor(chooseGpu({}), 128_484_179_968)).toBe(2);
  });
});

describe('speed', () => {
  const at = (seconds: (length: number) => number) =>
    fitSpeed(LLAMA_3_8B, [measured(512, seconds), measured(2048, seconds)], 2);
  const measured = (length: number, seconds: (length: number) => number) => ({ length, seconds: seconds(length) });

  it('finds the two rates that made the measurements', () => {
    const truth = (length: number) => {
      const { linear, attention } = forwardFlops(LLAMA_3_8B, length);
      return linear / 5e10 + attention / 2e10;
    };
    const speed = at(truth);
    expect(speed.linearRate / 5e10).toBeCloseTo(1, 9);
    expect(speed.attentionRate / 2e10).toBeCloseTo(1, 9);
    const flops = forwardFlops(LLAMA_3_8B, 8192);
    expect(sequenceSeconds(speed, flops)).toBeCloseTo(truth(8192), 6);
    // Three sequences on two workers take two turns.
    expect(machineSeconds(speed, flops, 3)).toBeCloseTo(2 * truth(8192), 6);
  });

  it('is what real evaluations have: from two lengths of the README the third', () => {
    // SmolLM2-135M on two cores, tokens per second (bench/evaluate).
    const real = new Map([
      [2048, 500],
      [4096, 367],
      [8192, 240],
    ]);
    const at = (length: number) => ({ length, seconds: length / real.get(length)! });
    const speed = fitSpeed(SMOLLM2_135M, [at(2048), at(4096)], 1);
    const error = sequenceSeconds(speed, forwardFlops(SMOLLM2_135M, 8192)) / at(8192).seconds - 1;
    console.log(`predicted / measured - 1 at 8,192 tokens: ${error.toFixed(4)}`);
    expect(Math.abs(error)).toBeLessThan(0.03);
  });

  it.each([
    ['slower at the short length than noise allows', (length: number) => length * 1e-3 + 0.5],
    ['without any linear part', (length: number) => length ** 2 * 1e-6],
  ])('stays physical for measurements %s', (_, seconds) => {
    const { linearRate, attentionRate, measured: list } = at(seconds);
    expect(linearRate).toBeGreaterThan(0);
    expect(attentionRate).toBeGreaterThan(0);
    const speed = { linearRate, attentionRate, workers: 2, measured: list };
    expect(sequenceSeconds(speed, forwardFlops(LLAMA_3_8B, 2048))).toBeCloseTo(seconds(2048), 6);
  });
});

describe('the original length', () => {
  const config = (more: object) =>
    originalLength({
      format: 'config',
      file: 'config.json',
      nested: new Set(),
      assumed: new Set(),
      headDim: 128,
      config: { max_position_embeddings: 131_072, ...more },
    });

  it.each([
    [{}, 131_072, 'max_position_embeddings'],
    [{ sliding_window: 4096 }, 131_072, 'max_position_embeddings'],
    [
      { original_max_position_embeddings: 4096, rope_scaling: { type: 'su', long_factor: [] } },
      4096,
      'original_max_position_embeddings',
    ],
    [
      { rope_parameters: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32_768 } },
      32_768,
      'rope_parameters.original_max_position_embeddings',
    ],
    [
      {
        original_max_position_embeddings: 8192,
        rope_scaling: { rope_type: 'llama3', original_max_position_embeddings: 1 },
      },
      8192,
      'original_max_position_embeddings',
    ],
    [{ rope_scaling: { rope_type: 'yarn', factor: 4 } }, 131_072, 'max_position_embeddings'],
  ])('of %j', (more, value, from) => {
    expect(config(more)).toMatchObject({ value, from });
  });

  it('is not the sliding window, and may be stretched by linear scaling: both are said', () => {
    expect(config({ sliding_window: 4096 }).notes.join()).toContain('not the original length');
    expect(config({ rope_scaling: { type: 'linear', factor: 8 } }).notes.join()).toContain('--original 16384');
  });

  it('of GGUF keys', () => {
    const gguf = {
      ...{ format: 'gguf' as const, architecture: 'llama', theta: 10_000, headDim: 64, rotaryDim: 64 },
      ...{ contextLength: 8192, originalLength: 2048, type: 'longrope', factor: 1, attentionFactor: 1 },
      ...{ file: 'model.gguf', betaFast: 32, betaSlow: 1, keys: new Set<string>() },
    };
    const stated = { ...gguf, keys: new Set(['rope.scaling.original_context_length']) };
    expect(originalLength(stated)).toMatchObject({ value: 2048, from: 'llama.rope.scaling.original_context_length' });
    expect(originalLength(gguf).from).toBe('rope_freqs.weight, the factors of a llama3 model');
    expect(originalLength({ ...gguf, originalLength: 8192 })).toMatchObject({ from: 'llama.context_length' });
  });
});

describe('stages', () => {
  const kinds = (original: number, target: number) =>
    recommendStages(original, target, { model: 'm', documents: 10, hasGradients: true, hasCommands: true }).map(
      ({ kind, work }) => `${kind} ${work.map(({ length, sequences }) => `${sequences}x${length}`).join(' ')}`,
    );

  it('follow the recipe of the paper', () => {
    expect(kinds(8192, 32_768)).toEqual(['search 134x32768', 'evaluate 10x8192 10x16384 10x32768']);
    expect(kinds(4096, 131_072).slice(0, 4)).toEqual([
      'search 134x131072',
      'fine-tune 12800x131072',
      'readjust 134x4096',
      'readjust 134x8192',
    ]);
    // 2048k by way of 128k and 256k
    expect(kinds(4096, 2_097_152).slice(0, 5)).toEqual([
      'search 134x131072',
      'search 134x262144',
      'fine-tune 12800x131072',
      'fine-tune 19200x262144',
      'search 134x2097152',
    ]);
  });

  it('give commands that search accepts: the second one over the first factors, short ones with a largest factor', () => {
    const commands = recommendStages(4096, 2_097_152, {
      model: 'm',
      documents: 10,
      hasGradients: true,
      hasCommands: true,
    }).map(({ command = '' }) => command);
    const tuned = commands.filter((command) => command.includes('search TUNED'));
    expect(tuned.map((command) => /--target \d+(?: --\S+ \S+?)*(?= --budget)/.exec(command)?.[0])).toEqual([
      '--target 2097152 --over runs/262144/factors.json',
      '--target 4096 --max-factor 3 --pull 0.001',
      '--target 8192 --max-factor 3 --pull 0.001',
    ]);
  });

  it('evaluate at doublings and the target', () => {
    expect(doublings(4096, 20_000)).toEqual([4096, 8192, 16_384, 20_000]);
  });
});

describe('GPUs', () => {
  it('are known, or described in full', () => {
    expect(chooseGpu({})).toMatchObject({ name: 'a100-80gb', teraflops: 312, memory: 80, utilisation: 0.4 });
    expect(chooseGpu({ teraflops: 100, memory: 16 })).toMatchObject({ teraflops: 100, memory: 16 });
    expect(gpuSeconds(chooseGpu({ teraflops: 100, memory: 16, utilisation: 0.5 }), 1e15)).toBe(20);
    for (const wish of [
      { name: 'tpu' },
      { name: 'toString' },
      { teraflops: 1 },
      { name: 'h100', teraflops: 1, memory: 1 },
    ])
      expect(() => chooseGpu(wish)).toThrow(expect.objectContaining({ kind: 'usage' } satisfies Partial<UserError>));
  });
});
