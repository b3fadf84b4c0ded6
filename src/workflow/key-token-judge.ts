import type { TokenDocument } from '../corpus/index.js';
import { UserError } from '../errors.js';
import {
  judgedProtocol,
  KEY_TOKEN_RULE,
  markKeyTokens,
  parseRopeMethod,
  type RopeMethod,
  windowsOf,
} from '../evaluation/index.js';
import { hashModel, loadModel, type Model } from '../model/index.js';
import { type Engine, openEngine } from '../runtime/index.js';
import { checkJudgeTokenizer } from './longppl-judge.js';
import type { SearchJob } from './search-model.js';

/** Marks the tokens of documents that need a long context. */
export interface KeyTokenJudge {
  /** Of each document's first `length` tokens, the indices of its key tokens among those that are scored. */
  keyTokens(
    documents: readonly TokenDocument[],
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly (readonly number[])[]>;
  close(): Promise<void>;
}

export interface PlannedJudge {
  readonly sha256: string;
  /** @param own the engine of the searched model, used where that is its own judge */
  open(own: Engine, settings: { readonly maxLength: number; readonly job: SearchJob }): Promise<KeyTokenJudge>;
}

/** A judge's short context is at most this share of its long one. */
const SHORT_SHARE = 4;

/**
 * The judge of a search: tokens that gain from its long context over its short one (`KEY_TOKEN_RULE`). Another model reads as much as its
 * config says it can, and its short context is at most the searched model's original length. The model itself, which cannot
 * read on before it is extended, compares its original length with a quarter of it. Throws `UserError` where its tokens are others.
 */
export async function keyTokenJudge(
  path: string | undefined,
  model: Model,
  {
    tokenizer,
    tokenizerPath: given,
    judgeReadsAlike = false,
  }: Pick<SearchJob, 'tokenizer' | 'tokenizerPath' | 'judgeReadsAlike'>,
): Promise<PlannedJudge> {
  const judge = path === undefined ? model : await loadModel(path);
  if (path !== undefined && !judgeReadsAlike)
    await checkJudgeTokenizer(path, judge, { tokenizer, of: given ?? model.path, given });
  const { originalLength } = model.spec.rope;
  const context = path === undefined ? originalLength : judge.spec.rope.maxPositionEmbeddings;
  const method = await parseRopeMethod('model', judge.spec.rope);
  return {
    sha256: await hashModel(judge),
    async open(own, { maxLength, job: { device, workers, threads } }) {
      const engine =
        path === undefined
          ? own
          : await openEngine(judge, {
              maxLength: Math.min(context, maxLength),
              ...(device !== undefined && { device }),
              ...(workers !== undefined && { workers }),
              ...(threads !== undefined && { threads }),
            });
      return {
        keyTokens: (documents, length, signal) => {
          const long = Math.min(context, length);
          const short = Math.min(originalLength, Math.floor(long / SHORT_SHARE));
          return judged({ engine, method, bos: tokenizer.bosTokenId }, documents, { length, long, short }, signal);
        },
        close: async () => {
          if (engine !== own) await engine.close();
        },
      };
    },
  };
}

async function judged(
  { engine, method, bos }: { readonly engine: Engine; readonly method: RopeMethod; readonly bos: number | null },
  documents: readonly TokenDocument[],
  { length, long, short }: { readonly length: number; readonly long: number; readonly short: number },
  signal: AbortSignal | undefined,
): Promise<readonly (readonly number[])[]> {
  const room = length - (bos === null ? 0 : 1);
  const keys = await Promise.all(
    documents.map((document) => {
      const side = (context: number) => ({
        windows: windowsOf(judgedProtocol(context, room), [document], bos),
        rope: method.resolve(context),
      });
      return markKeyTokens(engine, { long: side(long), short: side(short) }, KEY_TOKEN_RULE, signal);
    }),
  );
  const without = documents.filter((_, i) => keys[i]?.length === 0);
  if (without.length > 0)
    throw new UserError(
      'input',
      without.map(({ id }) => ({
        where: `longppl in ${id} at ${length} tokens`,
        expected: `at least one token that the judge predicts better from ${long} tokens than from ${short}`,
        found: 'none',
        fix: 'leave the document out, or give another --judge',
      })),
    );
  return keys;
}
