import type { DecoderSpec } from '../model/types.js';
import type { ResolvedRope } from '../rope/types.js';
import type { CachedDecoder } from './cached-decoder.js';
import type { KeyValueStore } from './key-value-cache.js';
import type { GenerateRequest, RopeStages } from './requests.js';

export interface Generator {
  readonly spec: DecoderSpec;
  readonly decoder: CachedDecoder;
  readonly store: KeyValueStore;
  /** Logits [rows, vocabulary] of hidden states [rows, hiddenSize]. */
  readonly logits: (hidden: Float32Array) => Promise<Float32Array>;
}

/** Greedy generation, as many prompts at a time as the cache takes. */
export async function generate(generator: Generator, request: GenerateRequest): Promise<Int32Array[]> {
  const { prompts, stages, maxNewTokens } = request;
  const length = prompts[0]?.length ?? 0;
  if (prompts.length === 0 || maxNewTokens === 0) return prompts.map(() => new Int32Array(0));
  if (length === 0 || prompts.some((prompt) => prompt.length !== length))
    throw new Error(
      `prompts of ${[...new Set(prompts.map((prompt) => prompt.length))].join(', ')} tokens in one batch`,
    );
  // The last new token is never fed.
  const longest = length + maxNewTokens - 1;
  stageFor(stages, longest);
  const rows = Math.floor(generator.store.maxTokens / longest);
  if (rows === 0) throw new Error(`${longest} tokens to generate with in a cache for ${generator.store.maxTokens}`);
  const answers: Int32Array[] = [];
  for (let from = 0; from < prompts.length; from += rows)
    answers.push(...(await generateBatch(generator, request, prompts.slice(from, from + rows), longest)));
  return answers;
}

async function generateBatch(
  { spec, decoder, store, logits }: Generator,
  { stages, maxNewTokens, stopIds }: GenerateRequest,
  prompts: readonly Int32Array[],
  longest: number,
): Promise<Int32Array[]> {
  const cache = store.open(prompts.length, longest);
  const start = (prompts[0] as Int32Array).length;
  const sequences = prompts.map((prompt) => {
    const ids = new Int32Array(start + maxNewTokens);
    ids.set(prompt);
    return ids;
  });
  const answers: Int32Array[] = prompts.map(() => new Int32Array(0));
  /** Which sequence each row of the cache holds; rows that have ended make room. */
  const live = sequences.map((_, sequence) => sequence);
  let rope: ResolvedRope | undefined;
  for (let length = start; live.length > 0; length++) {
    const stage = stageFor(stages, length);
    const rows = live.map((sequence) => sequences[sequence] as Int32Array);
    const hidden =
      stage === rope
        ? await step(
            rows.map((ids) => ids.subarray(length - 1, length)),
            stage,
            length - 1,
          )
        : await prefill(
            rows.map((ids) => ids.subarray(0, length)),
            stage,
          );
    rope = stage;
    const next = argmaxRows(await logits(hidden), live.length);
    // From the last row on: the row that takes an ended one's place has been looked at already.
    for (let row = live.length - 1; row >= 0; row--) {
      const token = next[row] as number;
      const ids = rows[row] as Int32Array;
      ids[length] = token;
      if (!stopIds.includes(token) && length + 1 < start + maxNewTokens) continue;
      answers[live[row] as number] = ids.slice(start, length + 1);
      const last = live.length - 1;
      if (row < last) cache.copyRow(last, row);
      live[row] = live[last] as number;
      live.pop();
    }
  }
  return answers;

  function step(rows: readonly Int32Array[], table: ResolvedRope, position: number): Promise<Float32Array> {
    return decoder.extend(cache, table, { firstRow: 0, rows, position });
  }

  /** Row by row: a prompt fills the matrix products by itself, and only one at a time needs memory. */
  async function prefill(rows: readonly Int32Array[], table: ResolvedRope): Promise<Float32Array> {
    const last = new Float32Array(rows.length * spec.hiddenSize);
    for (const [row, ids] of rows.entries()) {
      const hidden = await decoder.extend(cache, table, { firstRow: row, rows: [ids], position: 0 });
      last.set(hidden.subarray((ids.length - 1) * spec.hiddenSize), row * spec.hiddenSize);
    }
    return last;
  }
}

/** The table of a forward pass over `length` tokens, which predicts the token after them. */
function stageFor(stages: RopeStages, length: number): ResolvedRope {
  const stage = stages.find(({ maxLength }) => length <= maxLength);
  if (stage === undefined) throw new Error(`no rotary table for ${length} tokens`);
  return stage.rope;
}

/** The first largest of each row, as every engine breaks ties. */
function argmaxRows(values: Float32Array, rows: number): Int32Array {
  const width = values.length / rows;
  return Int32Array.from({ length: rows }, (_, row) => {
    const from = row * width;
    let best = from;
    for (let i = from + 1; i < from + width; i++) if ((values[i] as number) > (values[best] as number)) best = i;
    return best - from;
  });
}
