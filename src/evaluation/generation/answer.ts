import type { SyntheticRow, Tokenizer } from '../../corpus/index.js';
import type { Engine } from '../../runtime/index.js';
import type { RopeMethod } from '../rope-method.js';
import { ropeStages, type SwitchPolicy } from './rope-stages.js';

/** Greedy answers to rows of one task and length, as one batch where their prompts are equally long. */
export async function answerRows(
  rows: readonly SyntheticRow[],
  { engine, tokenizer, method, policy }: AnswerOptions,
  signal?: AbortSignal,
): Promise<string[]> {
  const stopIds = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  const answers: string[] = [];
  for (const batch of equallyLong(rows)) {
    const { promptIds, answerTokens } = batch[0] as SyntheticRow;
    const generated = await engine.generate(
      {
        prompts: batch.map((row) => row.promptIds),
        stages: ropeStages(method, promptIds.length, answerTokens, policy),
        maxNewTokens: answerTokens,
        stopIds,
      },
      signal,
    );
    for (const ids of generated) answers.push(tokenizer.decode(ids.filter((id) => !stopIds.includes(id))));
  }
  return answers;
}

export interface AnswerOptions {
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly method: RopeMethod;
  readonly policy: SwitchPolicy;
}

/** Neighbours with prompts of one length. */
function equallyLong(rows: readonly SyntheticRow[]): SyntheticRow[][] {
  const batches: SyntheticRow[][] = [];
  for (const row of rows) {
    const last = batches.at(-1);
    if (last?.[0]?.promptIds.length === row.promptIds.length) last.push(row);
    else batches.push([row]);
  }
  return batches;
}
