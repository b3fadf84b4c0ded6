import { documentWeights } from '../records/perplexity.js';
import type { EvaluationRecord } from '../records/record.js';

export interface Condition {
  /** In words: texts, tokenizer, protocol ... */
  readonly what: string;
  /** Decides. */
  readonly identity: string;
  /** As messages show it. */
  readonly shown: string;
}

/** One thing that is compared before and after, with its values per document or question. */
export interface Measure {
  /** What has to be equal on both sides, in words: the row's name. */
  readonly name: string;
  readonly kind: 'perplexity' | 'accuracy';
  /** What was asked, and how: a comparison means something only where all of it is equal on both sides. */
  readonly asked: readonly Condition[];
  /** Loss in nats per document, or score per question, by id. */
  readonly values: ReadonlyMap<string, number>;
  /** What each of these counts for, by id: the tokens of a document that are scored; all questions alike. */
  readonly weights: ReadonlyMap<string, number>;
}

/** What a record says about one method at and below a length: its perplexities and benchmark scores. */
export function measuresOf(record: EvaluationRecord, method: string, originalLength: number): Measure[] {
  const asked = (what: string) => [inputsOf(record, what), tokenizerOf(record)];
  if (record.kind === 'perplexity')
    return record.results
      .filter((result) => result.method === method && result.length <= originalLength)
      .map((result) => ({
        name: `perplexity at ${result.length}`,
        kind: 'perplexity',
        asked: [
          ...asked('texts'),
          // The sentence holds the stride and BOS; the tokens, how much of each document was looked at.
          condition('protocol', record.protocol),
          condition('scored tokens', `${result.tokens}`),
        ],
        values: new Map(result.documents.map(({ id, meanLoss }) => [id, meanLoss ?? Number.POSITIVE_INFINITY])),
        weights: documentWeights(result),
      }));
  if (record.kind === 'benchmark')
    return record.results
      .filter((result) => result.method === method)
      .map(({ task, headline, shots, prompts, bos, samples }) => ({
        name: `${task} ${headline}`,
        kind: 'accuracy',
        // A right answer is one in any tokenizer, but another one means another model: no loss of an extension.
        asked: [
          ...asked('question files'),
          condition('shots', `${shots}`),
          // Seed of the examples and what was cut on the left; a longer limit alone, as an extension has, changes nothing.
          condition('prompts', prompts ?? 'not recorded'),
          condition('BOS', bos === null ? 'not recorded' : bos ? 'one first' : 'none'),
        ],
        values: new Map(samples.map(({ id, scores }) => [id, scores[headline] ?? Number.NaN])),
        weights: new Map(samples.map(({ id }) => [id, 1])),
      }));
  return [];
}

function inputsOf({ inputs }: EvaluationRecord, what: string): Condition {
  const shown = inputs.map(({ name, sha256 }) => `${name} (${sha256.slice(0, 8)})`).join(', ');
  return { what, identity: inputs.map(({ sha256 }) => sha256).join(' '), shown: shown || 'none' };
}

function tokenizerOf({ tokenizer: { path, sha256 } }: EvaluationRecord): Condition {
  return { what: 'tokenizer', identity: sha256, shown: `that of ${path} (${sha256.slice(0, 8)})` };
}

function condition(what: string, text: string): Condition {
  return { what, identity: text, shown: text };
}

/** The methods of a record, in order. */
export function methodsOf(record: EvaluationRecord): string[] {
  return [...new Set(record.results.map(({ method }) => method))];
}
