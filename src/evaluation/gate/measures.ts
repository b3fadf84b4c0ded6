import type { EvaluationRecord } from '../records/record.js';

/** One thing that is compared before and after, with its values per document or question. */
export interface Measure {
  /** What has to be equal on both sides, in words: the row's name. */
  readonly name: string;
  readonly kind: 'perplexity' | 'accuracy';
  /** Equal only if the same was asked: texts, tokenizer, protocol; or questions and examples. */
  readonly asked: string;
  /** Loss in nats per document, or score per question, by id. */
  readonly values: ReadonlyMap<string, number>;
}

/** What a record says about one method at and below the original length: its perplexities and benchmark scores. */
export function measuresOf(record: EvaluationRecord, method: string): Measure[] {
  const inputs = record.inputs.map(({ sha256 }) => sha256).join(' ');
  if (record.kind === 'perplexity')
    return record.results
      .filter((result) => result.method === method && result.length <= record.model.originalLength)
      .map((result) => ({
        name: `perplexity at ${result.length}`,
        kind: 'perplexity',
        // The sentence holds the stride; the tokens, how much of each document was looked at.
        asked: [inputs, record.tokenizer.sha256, record.protocol, result.protocol, result.bos, result.tokens].join(' '),
        values: new Map(result.documents.map(({ id, meanLoss }) => [id, meanLoss ?? Number.POSITIVE_INFINITY])),
      }));
  if (record.kind === 'benchmark')
    return record.results
      .filter((result) => result.method === method)
      .map(({ task, headline, shots, samples }) => ({
        name: `${task} ${headline}`,
        kind: 'accuracy',
        asked: `${shots} shots ${inputs}`,
        values: new Map(samples.map(({ id, scores }) => [id, scores[headline] ?? 0])),
      }));
  return [];
}

/** The methods of a record, in order. */
export function methodsOf(record: EvaluationRecord): string[] {
  return [...new Set(record.results.map(({ method }) => method))];
}
