// Child process of lock.test.ts: takes and releases a folder again and again, and notices if anybody else has it too.
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../src/errors.js';
import { acquireLock } from '../../src/run/index.js';

const [directory, evidence, rounds] = process.argv.slice(2) as [string, string, string];
const mark = join(evidence, 'holder');

function enter(): void {
  try {
    writeFileSync(mark, String(process.pid), { flag: 'wx' });
  } catch {
    const other = Number(readFileSync(mark, 'utf8'));
    let alive = true;
    try {
      process.kill(other, 0);
    } catch {
      alive = false;
    }
    if (alive) {
      console.error(`${process.pid} and ${other} both hold the lock`);
      process.exit(3);
    }
    writeFileSync(mark, String(process.pid));
  }
}

for (let round = 0; round < Number(rounds); ) {
  try {
    const lock = await acquireLock(directory);
    enter();
    if (round === 0) process.send?.('held');
    await sleep(Math.random() * 4);
    unlinkSync(mark);
    await lock.release();
    round++;
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== 'busy') throw error;
    await sleep(Math.random() * 4);
  }
}
process.disconnect?.();
