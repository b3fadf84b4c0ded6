import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TokenDocument } from '../corpus/index.js';
import { evaluatePerplexity, type LossEngine } from '../evaluation/index.js';
import type { DecoderSpec } from '../model/types.js';
import type { ResolvedRope } from '../rope/index.js';
import { checkSpace, fileError } from '../run/index.js';
import { DecoderEngine, type Weights } from '../runtime/index.js';
import { bytesOf } from './checkpoint.js';
import type { EvaluationEntry } from './log.js';
import { writeWeights } from './weight-file.js';

export interface ValidationOptions {
  readonly spec: DecoderSpec;
  /** Each of at least the longest length. */
  readonly documents: readonly TokenDocument[];
  readonly bosTokenId: number | null;
  readonly lengths: readonly number[];
  readonly rope: (length: number) => ResolvedRope;
  readonly threads: number;
  /** Where the weights lie meanwhile: an engine maps them. */
  readonly folder: string;
}

/**
 * Perplexity of held-out documents by the engine and the protocol of `evaluate perplexity` (`document`), so that both give the
 * same figure for the same weights.
 */
export async function validate(
  weights: Weights,
  step: number,
  { spec, documents, bosTokenId, lengths, rope, threads, folder }: ValidationOptions,
  signal?: AbortSignal,
): Promise<EvaluationEntry[]> {
  // A name that is swept when a killed run goes on.
  const temporary = path.join(folder, `.validation.${randomBytes(6).toString('hex')}.tmp`);
  await checkSpace(
    folder,
    bytesOf(weights),
    'the weights of a validation',
    'free some space and start the same command again',
  );
  try {
    await makeFolder(temporary);
    const prepared = await writeWeights(temporary, spec, weights);
    const config = { spec, weights: prepared, threads, cacheTokens: 0, opens: 'plain' } as const;
    const engine = await DecoderEngine.create(config);
    try {
      const entries: EvaluationEntry[] = [];
      for (const length of lengths) {
        const { meanLoss, perplexity, tokens } = await evaluatePerplexity({
          engine: oneAtATime(engine),
          documents,
          bosTokenId,
          protocol: { name: 'document', length },
          rope: rope(length),
          ...(signal && { signal }),
        });
        entries.push({
          step,
          eval_length: length,
          eval_loss: meanLoss,
          eval_perplexity: perplexity,
          eval_tokens: tokens,
        });
      }
      return entries;
    } finally {
      await engine.close();
    }
  } finally {
    // What is left is swept when the run goes on.
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    throw fileError(folder, 'a run folder that can be written', error);
  }
}

/** Training blocks this thread anyway, so no worker is started; an abort is heard between two windows. */
function oneAtATime(engine: DecoderEngine): LossEngine {
  let before: Promise<unknown> = Promise.resolve();
  return {
    tokenLosses(request, signal) {
      const losses = before.then(async () => {
        await nextTurn();
        signal?.throwIfAborted();
        return engine.tokenLosses(request);
      });
      before = losses;
      return losses;
    },
  };
}
