import { hashDocuments, type TokenDocument } from '../corpus/index.js';
import { UserError } from '../errors.js';
import {
  type DocumentSums,
  documentSums,
  judgedProtocol,
  type KeyTokenRule,
  longPerplexityResult,
  markKeyTokens,
  type RecordOf,
  type RopeMethod,
  type Window,
  windowsOf,
} from '../evaluation/index.js';
import { resumeItems } from '../run/index.js';
import { type EvaluationTarget, ropeIdentity, withEvaluation } from './evaluation-job.js';
import { type Judge, openJudge } from './longppl-judge.js';
import { readTexts, type TextSelection } from './texts.js';
import { writeEvaluation } from './write-evaluation.js';

export interface LongPerplexitySettings extends KeyTokenRule {
  readonly texts: readonly string[];
  readonly textOptions: TextSelection;
  readonly lengths: readonly number[];
  /** Tokens of the short context, below every length. */
  readonly short: number;
  /** Another model that marks the key tokens; default the model itself. */
  readonly judge?: string;
  /** RoPE of the judge; default the first method. */
  readonly judgeMethod?: string;
  readonly bos: boolean;
}

interface DocumentItem {
  readonly length: number;
  readonly index: number;
  /** The document's first `length` tokens. */
  readonly long: Window;
  /** The same tokens in short windows, each token once. */
  readonly short: readonly Window[];
}

/** One row per method. */
type StoredSums = readonly (readonly [tokens: number, keyTokens: number, sum: number | null, keySum: number | null])[];

/** `evaluate longppl`, from paths to its record. */
export async function evaluateLongPerplexity(
  target: EvaluationTarget,
  settings: LongPerplexitySettings,
): Promise<RecordOf<'longppl'>> {
  checkLengths(settings);
  return withEvaluation(target, async (evaluation) => {
    const { tokenizer, methods, header, identity } = evaluation;
    const documents = await readTexts(settings.texts, tokenizer, settings.textOptions);
    const judge = await openJudge(evaluation, target, settings);
    const items = itemsOf(documents, settings, settings.bos ? tokenizer.bosTokenId : null);
    const engine = await evaluation.openEngine({
      maxLength: Math.max(...settings.lengths),
      maxWorkers: items.length,
    });
    const recordOf = (stored: readonly StoredSums[]): RecordOf<'longppl'> => ({
      ...header,
      kind: 'longppl',
      inputs: [
        { label: 'texts', name: settings.texts.join(', '), sha256: hashDocuments(documents) },
        // Key tokens of another judge are other ones: figures over them cannot be compared.
        { label: 'judge', name: judge.name, sha256: judge.sha256 },
      ],
      protocol: `LongPPL: exp of the mean loss over the tokens whose log-probability the judge (${judge.name}) gives gains more than ${settings.alpha} nats from the whole context over at most ${settings.short} tokens of it, and is above ${settings.beta}; ${documents.length} documents, ${settings.bos && tokenizer.bosTokenId !== null ? 'BOS first' : 'no BOS'}`,
      notes: selectionNotes(methods, judge, settings),
      results: settings.lengths.flatMap((length) =>
        methods.map((method, m) =>
          longPerplexityResult(
            { method: method.name, length, judge: judge.name },
            items.flatMap((item, i) =>
              item.length === length
                ? [{ id: (documents[item.index] as TokenDocument).id, ...fromStored(stored[i] as StoredSums, m) }]
                : [],
            ),
          ),
        ),
      ),
    });
    const { lengths, short, alpha, beta } = settings;
    const manifest = {
      ...identity,
      kind: 'longppl',
      lengths,
      short,
      alpha,
      beta,
      bos: settings.bos,
      judge: [judge.sha256, judge.name],
      judgeRope: [...lengths, short].map((length) => ropeIdentity(judge.method.resolve(length))),
      documents: hashDocuments(documents),
    };
    const judging = settings.judge === undefined ? engine : await judge.open();
    try {
      const stored = await resumeItems<DocumentItem, StoredSums>(
        target.out === undefined ? null : { path: target.out, manifest },
        {
          items,
          key: ({ length, index }) => `${length}/${index}`,
          parallel: engine.workers,
          cost: ({ length }) => length,
          evaluate: async (item, signal) => {
            const keys = await markKeyTokens(
              judging,
              {
                long: { windows: [item.long], rope: judge.method.resolve(item.length) },
                short: { windows: item.short, rope: judge.method.resolve(settings.short) },
              },
              settings,
              signal,
            );
            return Promise.all(
              methods.map(async (method) => {
                const { ids, scoreFrom } = item.long;
                const losses = await engine.tokenLosses({ ids, scoreFrom, rope: method.resolve(item.length) }, signal);
                return toStored(documentSums(losses, keys));
              }),
            );
          },
          ...(target.onProgress && {
            onProgress: (done: number, total: number, { length }: DocumentItem) =>
              target.onProgress?.(done, total, `${length} tokens`),
          }),
          ...(target.signal && { signal: target.signal }),
        },
        (found, file) => writeEvaluation(file, recordOf(found)),
      );
      return recordOf(stored);
    } finally {
      if (judging !== engine) await judging.close();
    }
  });
}

/** The judge picks tokens it predicts well, so its own figure is too good beside any other. */
function selectionNotes(methods: readonly RopeMethod[], judge: Judge, settings: LongPerplexitySettings): string[] {
  const judgesItself = settings.judge === undefined && methods.some(({ name }) => name === judge.method.name);
  if (!judgesItself || methods.length === 1) return [];
  return [
    `${judge.method.name} marked its own key tokens, so its LongPPL is below ${Math.exp(-settings.beta).toFixed(2)} by construction and cannot be ranked against the other methods; use a judge that is none of them.`,
  ];
}

function itemsOf(
  documents: readonly TokenDocument[],
  { lengths, short }: LongPerplexitySettings,
  bos: number | null,
): DocumentItem[] {
  return lengths.flatMap((length) => {
    const whole = windowsOf({ name: 'document', length }, documents, bos);
    const room = length - (bos === null ? 0 : 1);
    const parts = windowsOf(judgedProtocol(short, room), documents, bos);
    return whole.map((long, index) => ({
      length,
      index,
      long,
      short: parts.filter(({ document }) => document === index),
    }));
  });
}

function checkLengths({ lengths, short }: LongPerplexitySettings): void {
  const tooShort = lengths.filter((length) => length <= short);
  if (tooShort.length > 0)
    throw new UserError(
      'usage',
      tooShort.map((length) => ({
        where: `--length ${length}`,
        expected: `more than the short context, ${short}`,
        found: `${length}`,
        fix: 'evaluate a longer length or set a shorter --short',
      })),
    );
}

function toStored({ tokens, keyTokens: keys, sum, keySum }: DocumentSums): StoredSums[number] {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return [tokens, keys, finite(sum), finite(keySum)];
}

function fromStored(stored: StoredSums, method: number): DocumentSums {
  const [tokens, keys, sum, keySum] = stored[method] as StoredSums[number];
  const infinite = Number.POSITIVE_INFINITY;
  return { tokens, keyTokens: keys, sum: sum ?? infinite, keySum: keySum ?? infinite };
}
