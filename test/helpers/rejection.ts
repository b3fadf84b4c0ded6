import { UserError } from '../../src/errors.js';

/** The `UserError` that `action` must end with; another error, or none, fails the test. */
export async function rejection(action: Promise<unknown>): Promise<UserError> {
  const error = await action.then(
    () => new Error('expected a UserError, but it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof UserError) return error;
  throw error;
}
