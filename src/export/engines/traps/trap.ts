/** Ids of the traps, each a heading of docs/traps.md (test/export/traps.test.ts compares the two). */
export const TRAP_IDS = [
  'old-su',
  'type-conflict',
  'type-missing',
  'type-key-missing',
  'phi3-three-keys',
  'phi3-yarn',
  'phi3-original-default',
  'olmo2-two-keys',
  'v5-only',
  'theta-lost',
  'theta-missing',
  'theta-nested-only',
  'theta-override',
  'original-missing',
  'original-not-top',
  'original-conflict',
  'sliding-window',
  'factor-ratio',
  'factor-below-1',
  'factor-falls',
  'list-length',
  'attention-recomputed',
  'mscale-only',
  'start-tokens',
  'partial-ignored',
  'sglang-context',
  'sglang-boundary',
  'vllm-length',
  'per-forward-switch',
  'genai-rewind',
  'converter-drops',
  'yarn-context',
  'yarn-attention',
  'yarn-truncate',
  'dynamic-frozen',
  'llama3-original',
  'layer-type-missing',
  'original-not-in-block',
  'local-theta-nested',
  'sglang-short-only',
  'minicpm-original',
  'gguf-factor',
  'gguf-rope-freqs',
  'gguf-type',
  'gguf-architecture',
  'gguf-no-factors',
  'gguf-original',
  'gguf-yarn-attention',
] as const;
export type TrapId = (typeof TRAP_IDS)[number];

/** Nothing is wrong with the file, but an engine needs a flag or care. */
const NOTES: readonly TrapId[] = [
  'theta-override',
  'factor-below-1',
  'factor-falls',
  'sglang-boundary',
  'vllm-length',
  'per-forward-switch',
  'genai-rewind',
  'converter-drops',
];

/** A known way to be misunderstood. */
export interface Trap {
  readonly id: TrapId;
  readonly severity: 'trap' | 'note';
  /** Key, metadata key or tensor. */
  readonly where: string;
  readonly what: string;
  readonly fix: string;
  /** Page and heading that explain it. */
  readonly link: string;
}

/** Collects traps in the order they are found. */
export class TrapList {
  readonly traps: Trap[] = [];

  add(id: TrapId, where: string, what: string, fix: string): void {
    this.traps.push({
      id,
      severity: NOTES.includes(id) ? 'note' : 'trap',
      where,
      what,
      fix,
      link: `docs/traps.md#${id}`,
    });
  }
}
