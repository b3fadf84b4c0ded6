import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  compareWithIntent,
  ENGINES,
  type Engine,
  findTraps,
  intentOf,
  type RopeSource,
} from '../../src/export/index.js';
import { hostileConfigs } from '../helpers/hostile-configs.js';

const LETTERS = { exact: 'E', differs: 'D', unsupported: 'U', unknown: '?' } as const;
const HOSTILE = hostileConfigs();

function sourceOf(config: Readonly<Record<string, unknown>>): RopeSource {
  const headDim = Number(config['head_dim'] ?? Number(config['hidden_size']) / Number(config['num_attention_heads']));
  return { format: 'config', file: 'config.json', config, headDim, nested: new Set(), assumed: new Set() };
}

function verdicts(source: RopeSource, lengths: readonly number[]): string {
  const { intent, error } = intentOf(source);
  const isUnreadable = intent === undefined && error?.kind === 'unsupported';
  const letter = (engine: Engine, length: number) =>
    isUnreadable ? '?' : LETTERS[compareWithIntent(engine.build(source, length), intent, length).verdict];
  return ENGINES.map((engine) => lengths.map((length) => letter(engine, length)).join('')).join(' ');
}

describe('hostile configs', () => {
  it('are at least thirty', () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(30);
  });

  it.each(HOSTILE.map((each) => [each.name, each] as const))(
    '%s',
    (_name, { config, lengths, verdicts: expected, traps }) => {
      const source = sourceOf(config);
      expect(verdicts(source, lengths)).toBe(expected);
      expect(
        findTraps(source)
          .map(({ id }) => id)
          .sort(),
      ).toEqual([...traps].sort());
    },
  );

  it('are judged with what to do, unless there is nothing', () => {
    const source = sourceOf(HOSTILE.find(({ name }) => name === 'phi3, own attention factor')!.config);
    const { intent } = intentOf(source);
    const lever = (engine: Engine) => {
      const verdict = compareWithIntent(engine.build(source, 131_072), intent, 131_072);
      return 'lever' in verdict ? verdict.lever : null;
    };
    const [v4, v5, vllm, sglang, llamaCpp, genai] = ENGINES.map(lever);
    expect(v4).toMatch(/phi3-legacy/);
    expect(v5).toBeNull();
    for (const each of [vllm, sglang]) expect(each).toMatch(/"long_mscale": 1.5/);
    expect(llamaCpp).toMatch(/attn_factor/);
    expect(genai).toMatch(/long_mscale/);
  });
});

it('transformers 4 looks for the original length of llama3 in its block alone', () => {
  const { config } = HOSTILE.find(({ name }) => name === 'llama, llama3')!;
  const { original_max_position_embeddings: original, ...block } = config['rope_scaling'] as Record<string, unknown>;
  const v4 = ENGINES.find(({ name }) => name === 'transformers v4')!;
  expect(v4.build(sourceOf(config), 8192)).toMatchObject({ outcome: 'built' });
  const moved = { ...config, rope_scaling: block, original_max_position_embeddings: original };
  expect(v4.build(sourceOf(moved), 8192)).toMatchObject({
    outcome: 'refused',
    reason: expect.stringMatching(/^KeyError/),
    lever: expect.stringContaining('into rope_scaling'),
  });
});

interface Golden {
  readonly transformers: string;
  readonly cases: readonly {
    readonly name: string;
    readonly error?: string;
    readonly lengths?: readonly { length: number; attentionFactor: number; inverseFrequency: readonly number[] }[];
    /** Frequencies of local layers, of classes that have RoPE of their own for them. */
    readonly local?: readonly number[];
  }[];
}

/** Two units in the last place: torch's vectorised float32 pow is not rounded correctly (test/rope/golden.test.ts). */
function expectFrequencies(ours: Float32Array, theirs: readonly number[]): void {
  expect(ours.length).toBe(theirs.length);
  ours.forEach((frequency, pair) => {
    const expected = Math.fround(theirs[pair]!);
    expect(Math.abs(frequency - expected)).toBeLessThanOrEqual(2 * 2 ** -23 * expected);
  });
}

/** parity/inspect_golden.py ran the real library on the same configs: both must build the same table, or both stop. */
describe.each([
  ['transformers v4', 'inspect-transformers-4.json'],
  ['transformers v5', 'inspect-transformers-5.json'],
])('%s', (name, file) => {
  const golden = JSON.parse(readFileSync(new URL(`../oracle/${file}`, import.meta.url), 'utf8')) as Golden;
  const engine = ENGINES.find((each) => each.name === name)!;

  it('is the version the rules name', () => {
    expect(golden.transformers).toBe(engine.version);
  });

  it.each(golden.cases.map((each) => [each.name, each] as const))(
    '%s',
    (_name, { name: id, error, lengths = [], local }) => {
      const hostile = HOSTILE.find((each) => each.name === id)!;
      const source = sourceOf(hostile.config);
      if (error !== undefined)
        for (const length of hostile.lengths)
          expect(engine.build(source, length), error).toMatchObject({ outcome: 'refused' });
      for (const { length, attentionFactor, inverseFrequency } of lengths) {
        const built = engine.build(source, length);
        if (built.outcome !== 'built') throw new Error(`${built.reason}, but the library builds a table`);
        expect(built.attentionFactor).toBeCloseTo(attentionFactor, 12);
        expectFrequencies(built.inverseFrequency, inverseFrequency);
        // A local block that is rescaled by its length has no fixed table, and no verdict.
        if (local !== undefined && !JSON.stringify(hostile.config).includes('"sliding_attention":{"rope_type":"yarn"'))
          expectFrequencies(built.localInverseFrequency ?? new Float32Array(), local);
      }
    },
  );
});

describe('transformers v5, every type', () => {
  interface RopeGolden {
    readonly name: string;
    readonly class: string;
    readonly config: Record<string, unknown> & { head_dim: number };
    readonly lengths: readonly { length: number; set: number; attentionFactor: number }[];
    readonly inverseFrequencies: readonly number[][];
  }
  const { cases } = JSON.parse(readFileSync(new URL('../oracle/rope-golden.json', import.meta.url), 'utf8')) as {
    cases: RopeGolden[];
  };
  const v5 = ENGINES.find(({ name }) => name === 'transformers v5')!;
  // The golden calls the rope function of a class whose attention would not take a part of the head.
  const whole = cases.filter(
    ({ class: name, config }) => name === 'phi3' || !JSON.stringify(config).includes('partial'),
  );

  it.each(whole.map((golden) => [golden.name, golden] as const))('%s', (_name, golden) => {
    const source = sourceOf({ model_type: golden.class, ...golden.config });
    for (const { length, set, attentionFactor } of golden.lengths) {
      const built = v5.build(source, length);
      if (built.outcome !== 'built') throw new Error(built.reason);
      const theirs = Float32Array.from(golden.inverseFrequencies[set]!);
      expect(built.inverseFrequency.length).toBe(theirs.length);
      built.inverseFrequency.forEach((frequency, pair) => {
        expect(Math.abs(frequency - theirs[pair]!)).toBeLessThanOrEqual(2 * 2 ** -23 * theirs[pair]!);
      });
      expect(built.attentionFactor).toBeCloseTo(attentionFactor, 12);
    }
  });
});
