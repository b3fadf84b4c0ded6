import { type Problem, UserError } from '../errors.js';
import type { Connection } from './connection.js';
import { repositoryPage } from './repository.js';

/**
 * What the Hub means by an answer that is not one of success. `X-Error-Code` says it; the status alone is ambiguous, as
 * strangers get 401 for what does not exist.
 */
export function refusal(
  { status, headers, url }: Pick<Response, 'status' | 'headers' | 'url'>,
  connection: Pick<Connection, 'repository' | 'revision' | 'endpoint' | 'authenticated'>,
): UserError {
  const { repository, revision, endpoint, authenticated } = connection;
  const page = repositoryPage(endpoint, repository);
  const code = headers.get('x-error-code') ?? '';
  const where = `${repository.type} ${repository.id}`;
  const other =
    repository.type === 'model' ? 'a data set is pulled with --dataset' : 'a model is pulled without --dataset';
  const problem = ((): Problem => {
    if (code === 'GatedRepo' || status === 403)
      return {
        where,
        expected: 'a repository that may be read',
        found: `a gated one (answer ${status})`,
        fix: authenticated
          ? `accept its terms on ${page} with the account of HF_TOKEN`
          : `accept its terms on ${page}, then set HF_TOKEN to an access token of that account`,
      };
    if (code === 'RevisionNotFound')
      return {
        where,
        expected: `a branch, tag or commit ${revision}`,
        found: 'none of that name',
        fix: `see ${page}/tree/main for those it has`,
      };
    if (code === 'EntryNotFound')
      return { where, expected: `the file of ${new URL(url).pathname}`, found: 'nothing there' };
    if (status === 401)
      return {
        where,
        expected: 'a repository that may be read',
        found: authenticated
          ? 'answer 401: HF_TOKEN is not valid, or it may not read this repository'
          : 'answer 401: it does not exist, or is private',
        fix: authenticated
          ? 'check the token and the name'
          : `check the name (${other}), or set HF_TOKEN (it goes over https only)`,
      };
    if (status === 404)
      return { where, expected: `a repository at ${page}`, found: 'nothing there', fix: `check the name; ${other}` };
    return { where: new URL(url).origin, expected: 'an answer of the Hub', found: `answer ${status}` };
  })();
  return new UserError('input', problem);
}
