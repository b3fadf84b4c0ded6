import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the condition holds; an error in it means not yet. */
export async function waitFor(condition: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = Date.now() + 1000 * seconds;
  while (!(await condition().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`it did not happen within ${seconds} s`);
    await sleep(50);
  }
}
