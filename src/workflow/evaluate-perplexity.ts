import { hashDocuments, type TokenDocument } from '../corpus/index.js';
import {
  comparePerplexity,
  type MethodPerplexity,
  type Protocol,
  perplexityRecordResult,
  type RecordOf,
} from '../evaluation/index.js';
import type { Json } from '../run/index.js';
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
    const engine = await openEngine({
      maxLength: Math.max(...protocols.map(({ length }) => length)),
      maxWorkers: documents.length,
    });
    const recordOf = (results: readonly MethodPerplexity[]): RecordOf<'perplexity'> => ({
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
      results: results.map(perplexityRecordResult),
    });
    const manifest = {
      ...identity,
      kind: 'perplexity',
      // Of the journal: what a window gives at every length that it serves.
      journal: 2,
      protocols: protocols as unknown as Json,
      bos: bosTokenId,
      documents: hashDocuments(documents),
    };
    const results = await comparePerplexity(
      {
        engine,
        rope,
        methods,
        documents,
        bosTokenId,
        protocols,
        folder: target.out === undefined ? null : { path: target.out, manifest },
        ...(target.onProgress && { onProgress: target.onProgress }),
        ...(target.signal && { signal: target.signal }),
      },
      (found, file) => writeEvaluation(file, recordOf(found)),
    );
    return recordOf(results);
  });
}

function detailOf(documents: readonly TokenDocument[], { skipCharacters = 0 }: TextSelection): string {
  const names = documents.map(({ id }) => id).join(', ');
  return skipCharacters === 0 ? names : `${names}; from character ${skipCharacters} on`;
}

function protocolSentence(
  { protocol, stride, truncate, maxTokens }: PerplexitySettings,
  bos: boolean,
  documents: number,
): string {
  const what = {
    document: 'the first tokens of each document in one pass, mean over all tokens',
    released: truncate
      ? 'one window per document, mean of window means, as the released script with --truncate'
      : `windows moved by ${stride}, at most ten of a document, mean of window means, as the released script`,
    sliding: `windows moved by ${stride}, every token scored once, mean over all tokens${maxTokens === null ? '' : ` of the first ${maxTokens}`}`,
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
