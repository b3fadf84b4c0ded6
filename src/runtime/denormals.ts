import { lowRankSum } from '../graph/index.js';
import { Session } from './session.js';

/**
 * From here on this thread takes numbers below 1e-38 for 0, in JavaScript too, and so do all threads that it starts. ONNX Runtime
 * lets the first session of a process decide that for the thread that opens it, and no later one changes it: the first of a process
 * whose steps of training shall have the same bits whatever it computes before them. Without effect where a session was opened
 * already.
 */
export async function flushDenormals(): Promise<void> {
  const any = { weightFolder: '.', threads: 1, flushDenormals: true };
  await (await Session.create('the first of the process', lowRankSum(1), any)).close();
}
