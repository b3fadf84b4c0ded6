import { UserError } from '../errors.js';

const RESUMABLE = {
  notice: 'stopping after the evaluations that are running',
  fix: 'the same command resumes it',
};

/** For what starts over, as it has nothing to resume: exports and tokenised texts. */
export const STARTS_AGAIN = { notice: 'stopping; nothing is left half-written', fix: 'start the command again' };

/**
 * Runs a long job with a signal that Ctrl-C (or a polite kill) aborts, once. A second Ctrl-C ends the process at once,
 * which is safe: a run folder survives a kill at any byte.
 */
export async function interruptible<T>(
  job: (signal: AbortSignal) => Promise<T>,
  { notice, fix } = RESUMABLE,
): Promise<T> {
  const controller = new AbortController();
  const onSignal = () => {
    process.stderr.write(`\n${notice}; once more stops at once\n`);
    controller.abort(
      new UserError('interrupted', {
        where: 'this run',
        expected: 'to go on',
        found: 'an interrupt',
        fix,
      }),
    );
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  try {
    return await job(controller.signal);
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
