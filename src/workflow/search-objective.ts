import { UserError } from '../errors.js';
import type { Model, RopeSpec } from '../model/index.js';
import type { ResolvedRope } from '../rope/types.js';
import type { Engine } from '../runtime/index.js';
import {
  type Contradiction,
  contradictions,
  type Json,
  meanLoss,
  modelObjective,
  type Objective,
  type ObjectiveTerm,
  PERPLEXITY_ALONE,
  type ShortLimit,
  shortRise,
  type WeightedLength,
} from '../search/index.js';
import { keyTokenJudge } from './key-token-judge.js';
import { type DocumentSet, documentSet, measuresOf } from './objective-documents.js';
import { readTokens } from './read-tokens.js';
import type { SearchJob } from './search-model.js';

/** What a search minimises, and under which condition. */
export interface ObjectiveOptions {
  /** Lengths whose mean loss is minimised, none above the target; default the target alone. */
  readonly lengths?: readonly WeightedLength[];
  /** Default: the loss of all tokens. */
  readonly objective?: readonly ObjectiveTerm[];
  /** Where needles are hidden, 0 to 1: the documents take turns. Default: five, from start to end. */
  readonly needleDepths?: readonly number[];
  /** Another model that marks the key tokens of LongPPL; default the model itself at its original length. */
  readonly judge?: string;
  /** The judge is known to read with the tokenizer of the search, whatever lies in its folder. */
  readonly judgeReadsAlike?: boolean;
}

export interface SearchObjectives {
  readonly objective: Objective;
  /** The perplexity at the target, and beside it what else was searched for; null without held-out documents. */
  readonly heldOut: Objective | null;
}

/** An objective whose options and rows fit the model, before its weights are loaded. */
export interface PlannedObjective {
  readonly lengths: readonly WeightedLength[];
  readonly terms: readonly ObjectiveTerm[];
  /** Tokens of the longest row. */
  readonly maxLength: number;
  /** For the manifest. */
  readonly inputs: { readonly [name: string]: Json };
  /** Marks key tokens and scores the unsearched model at its original length, which no budget counts. */
  open(engines: { readonly search: Engine; readonly heldOut: Engine }, signal?: AbortSignal): Promise<SearchObjectives>;
}

/** Tokens of the longest row that a search will read. */
export function longestRow(
  {
    targetLength,
    lengths,
    objective = PERPLEXITY_ALONE,
    heldOut,
    shortLimit,
  }: Pick<SearchJob, 'targetLength' | 'lengths' | 'objective' | 'shortLimit'> & {
    readonly heldOut: readonly unknown[];
  },
  { originalLength }: RopeSpec,
): number {
  const readsOriginal = shortLimit !== undefined || objective.some(({ measure }) => measure === 'longppl');
  const own = readTokens(lengths?.map(({ length }) => length) ?? [targetLength], readsOriginal ? originalLength : null);
  return heldOut.length > 0 ? Math.max(own, targetLength) : own;
}

/** @param unsearched what the short limit compares with: the model as it is, or the frozen factors. Throws one `UserError` with everything that does not fit. */
export async function planObjective(job: SearchJob, model: Model, unsearched: ResolvedRope): Promise<PlannedObjective> {
  const { targetLength, lengths = [{ length: targetLength, weight: 1 }], objective: terms = PERPLEXITY_ALONE } = job;
  const { originalLength, geometry } = model.spec.rope;
  const bos = job.tokenizer.bosTokenId;
  checkOptions(job, lengths, terms);
  const judge = terms.some(({ measure }) => measure === 'longppl') ? await keyTokenJudge(job.judge, model, job) : null;
  const search = documentSet(job, job.documents, lengths, terms);
  const atTarget = [{ length: targetLength, weight: 1 }];
  const heldOut = job.heldOut.length === 0 ? null : documentSet(job, job.heldOut, atTarget, heldOutTerms(terms));
  const { shortLimit, needleDepths } = job;
  return {
    lengths,
    terms,
    maxLength: longestRow(job, model.spec.rope),
    inputs: {
      ...(job.lengths && { lengths: lengths.map(({ length, weight }) => [length, weight]) }),
      ...(job.objective && { objective: terms.map(({ measure, weight }) => [measure, weight]) }),
      ...(needleDepths && { needleDepths }),
      // What is hidden where follows from them.
      ...(terms.some(({ measure }) => measure === 'needle') && { names: job.documents.map(({ id }) => id) }),
      ...(judge && { judge: judge.sha256 }),
      ...(shortLimit !== undefined && { shortLimit }),
    },
    async open(engines, signal) {
      const opened = judge && (await judge.open(engines.search, { maxLength: targetLength, job }));
      try {
        const open = async (of: DocumentSet, engine: Engine) =>
          modelObjective({
            engine,
            geometry,
            bosTokenId: bos,
            documents: of.documents,
            lengths: of.lengths,
            measures: await measuresOf(of, opened, signal),
            ...(shortLimit !== undefined && {
              shortLimit: await shortLimitOf(of, { engine, originalLength, rise: shortRise(shortLimit) }, signal),
            }),
          });
        return {
          objective: await open(search, engines.search),
          heldOut: heldOut && (await open(heldOut, engines.heldOut)),
        };
      } finally {
        await opened?.close();
      }
    },
  };

  async function shortLimitOf(
    { rowsAt }: DocumentSet,
    {
      engine,
      originalLength: length,
      rise,
    }: { readonly engine: Engine; readonly originalLength: number; readonly rise: number },
    signal: AbortSignal | undefined,
  ): Promise<ShortLimit> {
    const rows = rowsAt(length);
    const baseLosses = await Promise.all(
      rows.map(async (row) =>
        meanLoss(row, await engine.tokenLosses({ ...row, rope: unsearched }, signal), row.scoreFrom),
      ),
    );
    return { length, rows, baseLosses, rise };
  }
}

/** Held out, the perplexity is what is compared; the rest is shown beside it. */
function heldOutTerms(terms: readonly ObjectiveTerm[]): readonly ObjectiveTerm[] {
  const others = terms.filter(({ measure }) => measure !== 'perplexity').map((term) => ({ ...term, weight: 0 }));
  return [...PERPLEXITY_ALONE, ...others];
}

const FLAGS: { readonly [option in Contradiction['option']]: string } = {
  lengths: '--length',
  needleDepths: '--needle-depths',
  judge: '--judge',
  shortLimit: '--short-limit',
};

function checkOptions(job: SearchJob, lengths: readonly WeightedLength[], terms: readonly ObjectiveTerm[]): void {
  const problems = contradictions({
    ...job,
    lengths: lengths.map(({ length }) => length),
    measures: terms.map(({ measure }) => measure),
  }).map(({ option, ...problem }) => ({ where: FLAGS[option], ...problem }));
  if (problems.length > 0) throw new UserError('usage', problems);
}
