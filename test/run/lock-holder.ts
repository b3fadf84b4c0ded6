// Child process of lock.test.ts: takes and releases a folder again and again, and notices if anybody else has it too.
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../src/errors.js';
import { acquireLock } from '../../src/run/index.js';
import { mayBeRunning, ownIdentity, type ProcessIdentity } from '../../src/run/process-identity.js';

const [directory, evidence, rounds] = process.argv.slice(2) as [string, string, string];
const mark = join(evidence, 'holder');

function enter(): void {
  const own = JSON.stringify(ownIdentity());
  try {
    writeFileSync(mark, own, { flag: 'wx' });
  } catch {
    const other = readFileSync(mark, 'utf8');
    if (mayBeRunning(JSON.parse(other) as ProcessIdentity)) {
      console.error(`${own} and ${other} both hold the lock`);
      process.exit(3);
    }
    writeFileSync(mark, own);
  }
}

const isEndless = rounds === 'one without end';
for (let round = 0; isEndless || round < Number(rounds); ) {
  try {
    const lock = await acquireLock(directory);
    enter();
    if (round === 0) process.send?.('held');
    await sleep(isEndless ? 2 ** 31 - 1 : Math.random() * 4);
    unlinkSync(mark);
    await lock.release();
    round++;
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== 'busy') throw error;
    await sleep(Math.random() * 4);
  }
}
process.disconnect?.();
