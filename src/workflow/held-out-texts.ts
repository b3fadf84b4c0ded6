import { hashDocuments, type TokenDocument } from '../corpus/index.js';
import { UserError } from '../errors.js';
import type { SearchJob } from './search-model.js';

/** Names of search documents that are told; all are refused. */
const TOLD = 3;

/**
 * Throws `UserError('input')` where what the search reads of a text is what held-out scores read of one, whatever their names: nothing would
 * be held out.
 */
export function refuseSharedTexts({
  documents,
  heldOut,
  targetLength,
  lengths = [],
  tokenizer,
  textName,
}: Pick<SearchJob, 'documents' | 'heldOut' | 'targetLength' | 'lengths' | 'tokenizer' | 'textName'>): void {
  const longest = lengths.length === 0 ? targetLength : Math.max(...lengths.map(({ length }) => length));
  const read = longest - (tokenizer.bosTokenId === null ? 0 : 1);
  const beginning = ({ id, ids }: TokenDocument) => hashDocuments([{ id, ids: ids.slice(0, read) }]);
  const held = new Map(heldOut.map((document) => [beginning(document), document.id]));
  const shared = documents.flatMap((document) => {
    const twin = held.get(beginning(document));
    if (twin === undefined) return [];
    return [twin === document.id ? twin : `${document.id} (held out as ${twin})`];
  });
  if (shared.length === 0) return;
  const more = shared.length > TOLD ? ` and ${shared.length - TOLD} more` : '';
  throw new UserError('input', {
    where: textName,
    expected: 'held-out texts that the search does not read',
    found: `${shared.slice(0, TOLD).join(', ')}${more} on both sides`,
    fix: 'hold out other texts, or none',
  });
}
