import { UserError } from '../errors.js';

export type RepositoryType = 'model' | 'dataset';

/** A repository of the Hugging Face Hub. */
export interface Repository {
  readonly type: RepositoryType;
  /** `owner/name`, or `name` for the oldest ones. */
  readonly id: string;
}

const PART = '[\\w](?:[\\w.-]*[\\w])?';
const ID = new RegExp(`^(?:${PART}/)?${PART}$`);

/**
 * Reads `owner/name` or `owner/name:file.gguf`. Throws `UserError('usage')` for anything the Hub would not take as a name;
 * nothing of it may lead to another address.
 */
export function parseRepository(
  text: string,
  type: RepositoryType,
): { readonly repository: Repository; readonly file: string | null } {
  // The colon of an address separates nothing.
  const colon = text.includes('://') ? -1 : text.indexOf(':');
  const id = colon < 0 ? text : text.slice(0, colon);
  const file = colon < 0 ? null : text.slice(colon + 1);
  if (!ID.test(id) || id.includes('..') || file === '')
    throw new UserError('usage', {
      where: text,
      expected: 'owner/name or owner/name:FILE.gguf',
      found: file === '' ? 'no file after the colon' : /^https?:/.test(text) ? 'an address' : 'another kind of name',
    });
  return { repository: { type, id }, file };
}

/** The page of a repository, for people. */
export function repositoryPage(endpoint: string, { type, id }: Repository): string {
  return `${endpoint}/${type === 'dataset' ? 'datasets/' : ''}${id}`;
}

/** Where the bytes of a file are asked for; the Hub redirects large ones to its storage. */
export function fileAddress(endpoint: string, repository: Repository, commit: string, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${repositoryPage(endpoint, repository)}/resolve/${encodeURIComponent(commit)}/${path}`;
}
