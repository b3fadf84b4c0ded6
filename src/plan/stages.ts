export interface Work {
  /** tokens of each sequence */
  readonly length: number;
  readonly sequences: number;
}

export interface Stage {
  readonly kind: 'search' | 'fine-tune' | 'readjust' | 'evaluate';
  readonly title: string;
  readonly work: readonly Work[];
  /** Where the numbers come from. */
  readonly source: string;
  /** The command of this program, where it has one. */
  readonly command?: string;
}

/** Ratios of the LongRoPE paper: searched factors hold without training up to 8; fine-tuned at most at 64; 8 more by a second search. */
const UNTUNED_RATIO = 8;
const ONE_STEP_RATIO = 32;
const TUNED_RATIO = 64;
export const LARGEST_RATIO = TUNED_RATIO * UNTUNED_RATIO;

/** Documents that one search by gradient scores: in docs/search.md nearly three times as many lower the perplexity by under 1 % more. */
const GRADIENT_SEQUENCES = 134;
/** Of a search without gradients. */
const POPULATION_SEQUENCES = 350;
/** The published sets of LLaMA2-128k for 4k and 8k end at 2.8 and 3.0; the pull keeps pairs near 1 that the loss does not see. */
const READJUST = ' --max-factor 3 --pull 0.001';
/** Sequences per optimiser step, LLaMA2 recipe. */
const BATCH = 32;

export interface StageOptions {
  readonly model: string;
  /** Sequences per length of an evaluation. */
  readonly documents: number;
  /** Whether the model has gradients, which take fewer documents. */
  readonly hasGradients: boolean;
  /** Whether the commands of this program would do it: they take the original length from the model. */
  readonly hasCommands: boolean;
}

/**
 * The progressive recipe (Ding et al. 2024, sections 3.3 and 4.1) for a target: what is searched and fine-tuned, in which order.
 * Short contexts are readjusted at the original length and twice that, as in section 3.4.
 */
export function recommendStages(original: number, target: number, options: StageOptions): Stage[] {
  const { model, documents, hasGradients, hasCommands } = options;
  const sequences = hasGradients ? GRADIENT_SEQUENCES : POPULATION_SEQUENCES;
  const ratio = target / original;
  const search = (
    length: number,
    title: string,
    { on = model, kind = 'search', options = '' }: { on?: string; kind?: 'search' | 'readjust'; options?: string } = {},
  ): Stage => ({
    kind,
    title,
    work: [{ length, sequences }],
    source: `search of ${sequences} documents, ${hasGradients ? 'a gradient counts as three' : 'as the model has no gradients here'} (the paper's Algorithm 1: 1,344 candidates on 5 documents, ${Math.round((1344 * 5) / sequences)} times as much)`,
    command: `npx longrope search ${on} --text TEXTS --target ${length}${options} --budget ${sequences}evals --out runs/${kind === 'readjust' ? 'short-' : ''}${length}`,
  });
  const tune = (length: number, steps: number): Stage => ({
    kind: 'fine-tune',
    title: `fine-tune at ${length}`,
    work: [{ length, sequences: steps * BATCH }],
    source: `${steps} steps of ${BATCH} sequences, learning rate 2e-5 (LongRoPE, LLaMA2; Mistral took 1e-6, 400 steps of 64 sequences of 16k)`,
  });
  const stages: Stage[] = [];
  if (ratio <= UNTUNED_RATIO) stages.push(search(target, `search ${target}, no fine-tuning needed`));
  else {
    const tuned = Math.min(target, TUNED_RATIO * original);
    const half = Math.floor(tuned / 2);
    if (tuned > ONE_STEP_RATIO * original)
      stages.push(search(half, `search ${half}`), search(tuned, `search ${tuned}`), tune(half, 400), tune(tuned, 600));
    else stages.push(search(tuned, `search ${tuned}`), tune(tuned, 400));
    if (target > tuned)
      stages.push(
        search(target, `second search, ${target}, on the model fine-tuned at ${tuned}`, {
          on: 'TUNED',
          options: ` --over runs/${tuned}/factors.json`,
        }),
      );
    for (const length of [original, 2 * original])
      stages.push(
        search(length, `readjust short contexts, ${length}`, { on: 'TUNED', kind: 'readjust', options: READJUST }),
      );
  }
  const lengths = doublings(original, target);
  stages.push({
    kind: 'evaluate',
    title: `evaluate at ${lengths.length} lengths`,
    work: lengths.map((length) => ({ length, sequences: documents })),
    source: `perplexity of ${documents} documents at each length`,
    command: `npx longrope evaluate perplexity ${ratio <= UNTUNED_RATIO ? model : 'TUNED'} TEXTS --length ${lengths.join(',')} --rope runs/${target}/factors.json`,
  });
  return hasCommands ? stages : stages.map(({ command: _, ...stage }) => stage);
}

/** original, 2 original, 4 original ... and the target. */
export function doublings(original: number, target: number): number[] {
  const lengths: number[] = [];
  for (let length = original; length < target; length *= 2) lengths.push(length);
  return [...lengths, target];
}

/** LongRoPE2's mixed-window training, the alternative to the fine-tuning above (2,250 steps of 32 sequences). */
export function longrope2Tuning(target: number): Work {
  return { length: target, sequences: 2250 * BATCH };
}
