// A command of the protocol that computes a quadratic, and misbehaves as its first word says. Its second word is a folder: each
// process leaves a file with its id there.
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [mode, folder, changes = '{}'] = process.argv.slice(2);
writeFileSync(join(folder, `process-${process.pid}`), '');
const write = (text) => process.stdout.write(`${text}\n`);
const say = (message) => write(JSON.stringify(message));

/** Whether nobody has come by here before, in any process. */
function isFirst(name) {
  const file = join(folder, name);
  if (existsSync(file)) return false;
  writeFileSync(file, '');
  return true;
}

/** Best at factor 1 + pair / 4 and attention factor 1.1; documents differ in level. */
function lossOf({ document, factors, attentionFactor, gradient }) {
  const tokens = 100;
  const errors = factors.map((factor, pair) => Math.log(factor / (1 + pair / 4)));
  const attentionError = Math.log(attentionFactor / 1.1);
  const excess = errors.reduce((sum, error) => sum + error ** 2, 0) / factors.length + attentionError ** 2;
  const slopes = errors.map((error) => (2 * error * tokens) / factors.length);
  return {
    lossSum: (3 + 0.1 * document.length + excess) * tokens,
    tokens,
    ...(gradient && { gradient: { logFactors: slopes, logAttentionFactor: 2 * attentionError * tokens } }),
  };
}

const hello = {
  type: 'hello',
  protocol: 'longrope-objective/1',
  name: 'a quadratic',
  documents: ['a', 'bb', 'ccc'].map((name) => ({ name, tokens: 100 })),
  heldOut: [
    { name: 'dddd', tokens: 100 },
    { name: 'eeeee', tokens: 100 },
  ],
  ...JSON.parse(changes),
};

if (mode === 'stubborn') {
  process.on('SIGTERM', () => undefined);
  setInterval(() => undefined, 1000);
}
if (mode === 'child') {
  const child = spawn('sleep', ['1000'], { stdio: 'inherit' });
  child.unref();
  writeFileSync(join(folder, 'child'), `${child.pid}`);
}
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.type === 'hello') {
    if (mode === 'dies at hello') process.exit(3);
    if (mode === 'silent') continue;
    if (mode === 'banner') write('loading the model ...');
    if (mode === 'fickle' && !isFirst('greeted')) hello.documents[0].tokens = 101;
    if (mode === 'logs') process.stderr.write('loaded\n');
    say(hello);
    continue;
  }
  const answer = { type: 'loss', id: message.id, ...lossOf(message) };
  if (mode === 'NaN') write(`{"type": "loss", "id": ${message.id}, "lossSum": NaN, "tokens": 100}`);
  else if (mode === 'null') say({ ...answer, lossSum: null, gradient: undefined });
  else if (mode === 'some null' && message.factors.at(-1) > 8) say({ ...answer, lossSum: null, gradient: undefined });
  else if (mode === 'tokens') say({ ...answer, tokens: 99 });
  else if (mode === 'order') say({ ...answer, id: message.id + 1 });
  else if (mode === 'error') say({ type: 'error', id: message.id, message: 'out of GPU memory' });
  else if (mode === 'unknown key') say({ ...answer, loss: 3 });
  else if (mode === 'no gradient') say({ ...answer, gradient: undefined });
  else if (mode === 'short gradient') say({ ...answer, gradient: { logFactors: [1], logAttentionFactor: 1 } });
  else if (mode === 'garbage') write('Segmentation fault');
  else if (mode === 'endless line') process.stdout.write('x'.repeat(5_000_000));
  else if (mode === 'hangs') continue;
  else if (mode === 'hangs late' && message.id > 12) continue;
  else if (mode === 'exits') process.exit(0);
  else if (mode === 'crashes') {
    process.stderr.write('CUDA error\n');
    process.kill(process.pid, 'SIGSEGV');
  } else if (mode === 'crashes once' && isFirst('crashed')) process.exit(1);
  else if (mode === 'crashes after it answered')
    process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(1));
  else if (mode === 'talks') {
    say(answer);
    say(answer);
  } else if (mode === 'slow') setTimeout(() => say(answer), (message.id % 3) * 8);
  else if (mode === 'seconds') setTimeout(() => say(answer), 1800);
  else say(answer);
}
