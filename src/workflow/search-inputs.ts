import { hashDocuments, type TokenDocument } from '../corpus/index.js';
import type { ReportInput } from '../report/index.js';
import { engineName } from '../runtime/index.js';
import type { SearchResult, WeightedLength } from '../search/index.js';
import type { SearchJob } from './search-model.js';
import type { SearchSpace } from './search-space.js';
import { programVersion } from './version.js';

export function notesOf(
  { pull }: Pick<SearchJob, 'pull'>,
  { frozen }: SearchSpace,
  lengths: readonly WeightedLength[],
  { races }: Pick<SearchResult, 'races'>,
): string[] {
  return [
    'Nothing was fine-tuned by this search.',
    ...(frozen === null
      ? []
      : [`Second interpolation: the factors are those for ${frozen.length} tokens, frozen, times what was searched.`]),
    ...(lengths.length === 1
      ? []
      : [
          `The search minimised the mean loss at ${lengths.map(({ length, weight }) => `${length} (weight ${weight})`).join(', ')} tokens.`,
        ]),
    ...(pull === undefined
      ? []
      : [`Candidates were compared by loss + ${pull} times the mean of (ln factor)^2; the search curve shows that.`]),
    ...(races === undefined
      ? []
      : [
          `Racing ended ${races.dropped} of ${races.candidates} candidates early: ${races.evaluations} evaluations instead of ${races.planned}.`,
        ]),
  ];
}

export function inputsOf(
  { documents, heldOut, tokenizer, device, lengths }: SearchJob,
  { frozen }: SearchSpace,
  model: string,
) {
  return {
    ...(lengths !== undefined && { lengths: lengths.map(({ length, weight }) => [length, weight]) }),
    ...(frozen !== null && { over: { ...frozen, factors: [...frozen.factors] } }),
    model,
    tokenizer: tokenizer.hash,
    documents: hashDocuments(documents),
    heldOut: hashDocuments(heldOut),
    engine: engineName(device),
    version: programVersion(),
  };
}

export function reportInputs(job: SearchJob, model: string): ReportInput[] {
  return [
    { label: 'model', name: job.modelPath, sha256: model },
    { label: 'tokenizer', name: job.modelPath, sha256: job.tokenizer.hash },
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
