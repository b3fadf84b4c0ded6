import type { Objective } from '../objective.js';
import type { SearchProblem } from '../types.js';
import type { OutsideObjective } from './outside-objective.js';
import type { Hello } from './protocol.js';

export interface CommandObjectiveOptions {
  /** Words, or one line that is quoted as for a shell and run without one. */
  readonly command: string | readonly [string, ...string[]];
  /** Told to the command, which cuts its texts to the target length. */
  readonly problem: SearchProblem;
  /** Processes of the command, each of which is asked one thing at a time; default 1. */
  readonly workers?: number;
  /** For one answer, the first included; default 600. */
  readonly timeoutSeconds?: number;
  readonly cwd?: string;
  /** Lines of the command's standard error. */
  readonly onStderr?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Starts a command that scores candidates (docs/outside-objective.md) and returns the documents it named as objectives.
 * More workers are started when there is work for them; a process that ends is started once more for each request.
 * Throws `UserError`, here and from `evaluate`: 'usage' for a command that cannot be started, 'resource' for one that ends or does
 * not answer in time, 'input' for answers that are wrong.
 */
export async function openCommandObjective(options: CommandObjectiveOptions): Promise<OutsideObjective> {
  // What runs processes is a tenth of all modules: other searches do without.
  const { CommandPool } = await import('./command-pool.js');
  const pool = new CommandPool(options);
  try {
    const { name, fingerprint, documents, heldOut, gradients } = await pool.open();
    const objectiveOn = (named: Hello['documents']): Objective => ({
      documents: named.map((document) => document.name),
      scoredTokens: named.map(({ tokens }) => tokens),
      gradients,
      evaluate: (requests, how) => pool.evaluate(named, requests, how),
    });
    return {
      name,
      ...(fingerprint !== undefined && { fingerprint }),
      objective: objectiveOn(documents),
      ...(heldOut.length > 0 && { heldOut: objectiveOn(heldOut) }),
      close: () => pool.close(),
    };
  } catch (error) {
    await pool.close();
    throw error;
  }
}
