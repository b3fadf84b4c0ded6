import { UserError } from '../errors.js';
import type { RunDirectory } from '../run/index.js';
import type { NamedSequence } from './batches.js';
import { checkpointName, checkpointSteps } from './checkpoint.js';

/** The error of a loss or gradient that is not finite, with the last weights that gave one. `step`: steps that were made. */
export async function notFinite(run: RunDirectory, step: number, where: string, found: string): Promise<UserError> {
  const expected = 'a finite loss and gradient';
  if (step === 0)
    return new UserError('input', { where, expected, found, fix: 'the weights to begin with give it: use others' });
  const good = (await checkpointSteps(run.path)).filter((saved) => saved < step).at(-1);
  return new UserError('input', {
    where,
    expected,
    found,
    fix: `train with a smaller --learning-rate or --max-grad-norm, or more --warmup-steps, in another folder${
      good === undefined ? '' : `; the last good weights are ${run.file(checkpointName(good))}`
    }`,
  });
}

/** For messages: the first three. */
export function documentsOf(sequences: readonly NamedSequence[]): string {
  const names = [...new Set(sequences.map(({ document }) => document))];
  return `${names.slice(0, 3).join(', ')}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`;
}
