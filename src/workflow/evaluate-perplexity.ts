import { hashDocuments, type TokenDocument } from '../corpus/index.js';
import {
  evaluateWindow,
  firstAlike,
  type Protocol,
  perplexityRecordResult,
  type RecordOf,
  type RopeMethod,
  summarisePerplexity,
  type Window,
  type WindowLoss,
  windowsOf,
} from '../evaluation/index.js';
import { type Json, resumeItems } from '../run/index.js';
import { type EvaluationTarget, withEvaluation } from './evaluation-job.js';
import { readTexts, type TextSelection } from './texts.js';
import { writeEvaluation } from './write-evaluation.js';

export interface PerplexitySettings {
  readonly texts: readonly string[];
  /** Default: the model's original length. */
  readonly lengths?: readonly number[];
  readonly protocol: Protocol['name'];
  readonly stride: number;
  readonly truncate: boolean;
  readonly maxTokens: number | null;
  /** Put BOS in front of every window, if the tokenizer has one. */
  readonly bos: boolean;
  readonly textOptions: TextSelection;
}

interface WindowItem {
  readonly method: RopeMethod;
  readonly protocol: Protocol;
  readonly index: number;
  readonly window: Window;
}

/** `evaluate perplexity`, from paths to its record: every method at every length on the same documents. */
export function evaluatePerplexityJob(
  target: EvaluationTarget,
  settings: PerplexitySettings,
): Promise<RecordOf<'perplexity'>> {
  return withEvaluation(target, async ({ model, tokenizer, methods, header, identity, openEngine }) => {
    const { rope } = model.spec;
    const documents = await readTexts(settings.texts, tokenizer, settings.textOptions);
    const bosTokenId = settings.bos ? tokenizer.bosTokenId : null;
    const protocols = (settings.lengths ?? [rope.originalLength]).map((length) => protocolAt(length, settings));
    const items: WindowItem[] = protocols.flatMap((protocol) =>
      methods
        .filter((method) => firstAlike(methods, method, protocol.length) === method)
        .flatMap((method) =>
          windowsOf(protocol, documents, bosTokenId).map((window, index) => ({ method, protocol, index, window })),
        ),
    );
    const engine = await openEngine({
      maxLength: Math.max(...protocols.map(({ length }) => length)),
      maxWorkers: documents.length,
    });
    const recordOf = (losses: readonly StoredLoss[]): RecordOf<'perplexity'> => ({
      ...header,
      kind: 'perplexity',
      inputs: [
        {
          label: 'texts',
          name: settings.texts.join(', '),
          sha256: hashDocuments(documents),
          detail: detailOf(documents, settings.textOptions),
        },
      ],
      protocol: protocolSentence(settings, bosTokenId !== null, documents.length),
      notes: [],
      results: protocols.flatMap((protocol) =>
        methods.map((method) => {
          const computed = firstAlike(methods, method, protocol.length);
          const own = items.flatMap((item, i) => (item.method === computed && item.protocol === protocol ? [i] : []));
          const resolved = method.resolve(protocol.length);
          return perplexityRecordResult({
            method: method.name,
            length: protocol.length,
            ratio: protocol.length / rope.originalLength,
            attentionFactor: resolved.attentionFactor,
            startTokens: resolved.startTokens,
            result: summarisePerplexity(
              { documents, bosTokenId, protocol },
              own.map((i) => (items[i] as WindowItem).window),
              own.map((i) => fromStored(losses[i] as StoredLoss)),
            ),
          });
        }),
      ),
    });
    const manifest = {
      ...identity,
      kind: 'perplexity',
      protocols: protocols as unknown as Json,
      bos: bosTokenId,
      documents: hashDocuments(documents),
    };
    const losses = await resumeItems<WindowItem, StoredLoss>(
      target.out === undefined ? null : { path: target.out, manifest },
      {
        items,
        key: ({ method, protocol, index }) => `${method.name}/${protocol.length}/${index}`,
        parallel: engine.workers,
        cost: ({ window }) => window.ids.length,
        evaluate: async ({ method, protocol, window }, signal) =>
          toStored(await evaluateWindow(engine, window, protocol, method.resolve(protocol.length), signal)),
        ...(target.onProgress && {
          onProgress: (done: number, total: number, { method, protocol }: WindowItem) =>
            target.onProgress?.(done, total, `${method.name} at ${protocol.length}`),
        }),
        ...(target.signal && { signal: target.signal }),
      },
      (found, file) => writeEvaluation(file, recordOf(found)),
    );
    return recordOf(losses);
  });
}

/** A window's loss as the journal holds it; a sum that is not finite is null, and counts as infinite. */
type StoredLoss = {
  readonly sum: number | null;
  readonly tokens: number;
  readonly buckets: readonly (readonly [number | null, number])[];
};

function toStored({ sum, tokens, buckets }: WindowLoss): StoredLoss {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return { sum: finite(sum), tokens, buckets: buckets.map((bucket) => [finite(bucket.sum), bucket.tokens]) };
}

function fromStored({ sum, tokens, buckets }: StoredLoss): WindowLoss {
  return {
    sum: sum ?? Number.POSITIVE_INFINITY,
    tokens,
    buckets: buckets.map(([bucketSum, count]) => ({ sum: bucketSum ?? Number.POSITIVE_INFINITY, tokens: count })),
  };
}

function detailOf(documents: readonly TokenDocument[], { skipCharacters = 0 }: TextSelection): string {
  const names = documents.map(({ id }) => id).join(', ');
  return skipCharacters === 0 ? names : `${names}; from character ${skipCharacters} on`;
}

function protocolSentence({ protocol, stride, truncate }: PerplexitySettings, bos: boolean, documents: number): string {
  const what = {
    document: 'the first tokens of each document in one pass, mean over all tokens',
    released: truncate
      ? 'one window per document, mean of window means, as the released script with --truncate'
      : `windows moved by ${stride}, at most ten of a document, mean of window means, as the released script`,
    sliding: `windows moved by ${stride}, every token scored once, mean over all tokens`,
  }[protocol];
  return `${protocol}: ${what}; ${documents} documents, ${bos ? 'BOS first' : 'no BOS'}`;
}

function protocolAt(length: number, { protocol, stride, truncate, maxTokens }: PerplexitySettings): Protocol {
  switch (protocol) {
    case 'document':
      return { name: 'document', length };
    case 'released':
      return { name: 'released', length, stride, truncate };
    case 'sliding':
      return { name: 'sliding', length, stride, maxTokens };
  }
}
