import { hashDocuments, type TokenDocument } from '../corpus/index.js';
import type { ReportInput } from '../report/index.js';
import { engineName } from '../runtime/index.js';
import { type SearchResult, shortRise } from '../search/index.js';
import { ownRopeNotice } from './own-rope.js';
import type { SearchJob } from './search-model.js';
import type { PlannedObjective } from './search-objective.js';
import type { SearchSpace } from './search-space.js';
import { programVersion } from './version.js';

export function notesOf(
  { pull, shortLimit }: Pick<SearchJob, 'pull' | 'shortLimit'>,
  { frozen, own }: SearchSpace,
  { lengths, terms }: Pick<PlannedObjective, 'lengths' | 'terms'>,
  { winner, races }: SearchResult,
): string[] {
  const over = (names: readonly { readonly name: string; readonly weight: number }[]) =>
    names.map(({ name, weight }) => `${name} (weight ${weight})`).join(', ');
  const weighted = terms.map(({ measure: name, weight }) => ({ name, weight }));
  return [
    'Nothing was fine-tuned by this search.',
    ...(own === null ? [] : [sentence(ownRopeNotice(own))]),
    ...(frozen === null
      ? []
      : [`Second interpolation: the factors are those for ${frozen.length} tokens, frozen, times what was searched.`]),
    ...(weighted.length === 1 && weighted[0]?.name === 'perplexity'
      ? []
      : [`The search minimised the mean loss of ${over(weighted)}.`]),
    ...(lengths.length === 1
      ? []
      : [
          `The search minimised the mean loss at ${over(lengths.map(({ length, weight }) => ({ name: `${length}`, weight })))} tokens.`,
        ]),
    ...(pull === undefined
      ? []
      : [`Candidates were compared by loss + ${pull} times the mean of (ln factor)^2; the search curve shows that.`]),
    ...(races === undefined
      ? []
      : [
          `Racing ended ${races.dropped} of ${races.candidates} candidates early: ${races.evaluations} evaluations instead of ${races.planned}.`,
        ]),
    ...(shortLimit === undefined || winner.shortExcess === undefined
      ? []
      : [shortNote(shortLimit, winner.shortExcess)]),
  ];
}

function sentence(notice: string): string {
  return `${notice[0]?.toUpperCase()}${notice.slice(1)}.`;
}

function shortNote(limit: number, excess: number): string {
  const rise = (100 * Math.expm1(excess + shortRise(limit))).toFixed(2);
  const share = `${Number((100 * limit).toPrecision(12))} %`;
  return excess <= 0
    ? `Short limit: at the original length the searched set changes the perplexity of the search documents by ${rise} %, within ${share}.`
    : `Short limit broken: no candidate that was compared at the end keeps within ${share} at the original length; the nearest is ${rise} % above the model on the search documents.`;
}

export function inputsOf({ documents, heldOut, tokenizer, device }: SearchJob, { frozen }: SearchSpace, model: string) {
  return {
    ...(frozen !== null && { over: { ...frozen, factors: [...frozen.factors] } }),
    model,
    tokenizer: tokenizer.hash,
    bosTokenId: tokenizer.bosTokenId,
    documents: hashDocuments(documents),
    heldOut: hashDocuments(heldOut),
    engine: engineName(device),
    version: programVersion(),
  };
}

export function reportInputs(job: SearchJob, model: string): ReportInput[] {
  return [
    { label: 'model', name: job.modelPath, sha256: model },
    { label: 'tokenizer', name: job.tokenizerPath ?? job.modelPath, sha256: job.tokenizer.hash },
    {
      label: 'search documents',
      name: job.textName,
      sha256: hashDocuments(job.documents),
      detail: names(job.documents),
    },
    ...(job.heldOut.length === 0
      ? []
      : [
          {
            label: 'held-out documents',
            name: job.textName,
            sha256: hashDocuments(job.heldOut),
            detail: names(job.heldOut),
          },
        ]),
  ];
}

function names(documents: readonly TokenDocument[]): string {
  return documents.map(({ id }) => id).join(', ');
}
