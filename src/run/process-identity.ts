import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { errnoOf } from './file-error.js';

/**
 * Names one process for as long as anyone may ask. A process id alone is given again after a restart of the machine or
 * of a counter; with its start (Linux: boot id and clock ticks since boot) it is not. `start` is null elsewhere.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  readonly start: string | null;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, host: hostname(), start: startOf(process.pid) };
}

/** False only if that process has certainly ended; one on another host may be running. */
export function mayBeRunning({ pid, host, start }: ProcessIdentity): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Anything but ESRCH (EPERM above all) means that it runs and belongs to somebody else, who may hide it in /proc.
    return errnoOf(error) !== 'ESRCH';
  }
  return start === null || startOf(pid) === start;
}

/** null where it cannot be known. Of a process that has ended and that nobody has asked for its exit code: no process's start. */
export function startOf(pid: number): string | null {
  if (process.platform !== 'linux') return null;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name stands in parentheses and may hold spaces; the state follows it, the start time is 19 further.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : `${boot}:${fields[19]}`;
  } catch {
    return null;
  }
}
