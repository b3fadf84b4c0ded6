import { availableParallelism } from 'node:os';
import { FINETUNE_DEFAULTS } from '../../training/defaults.js';
import { type Finetune, finetune } from '../../workflow/finetune.js';
import type { FinetuneFlags } from '../commands/finetune.js';
import { interruptible } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { commandLine } from './command-line.js';
import { formatBytes, printRope } from './export-output.js';

export async function runFinetune(model: string, texts: readonly string[], flags: FinetuneFlags): Promise<void> {
  const progress = startProgress('finetune');
  const { target, heldOut, evalLength, maxShardSize, dtype, threads, json, ...settings } = flags;
  const result = await interruptible(
    (signal) =>
      finetune({
        ...settings,
        model,
        texts,
        heldOut: heldOut ?? [],
        ...(target !== undefined && { targetLength: target }),
        ...(evalLength !== undefined && { evalLengths: evalLength }),
        dtype: dtype ?? FINETUNE_DEFAULTS.dtype,
        maxShardBytes: maxShardSize,
        threads: threads ?? availableParallelism(),
        command: commandLine(),
        onStep: ({ step, loss, maxSteps }) =>
          progress.update(step, maxSteps, `step ${step} of ${maxSteps}, loss ${loss.toFixed(4)}`),
        signal,
      }),
    { notice: 'stopping after the batch that is running', fix: 'the same command resumes it' },
  ).finally(() => progress.finish());
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
}

function describe(result: Finetune): string {
  const { log, evaluations, rope, steps, tokens, documents, rows, folder, files } = result;
  const lengths = [...new Set(evaluations.map(({ eval_length: length }) => length))];
  const shown = [log[0], log.at(-1)].filter((entry, i, all) => entry !== undefined && all.indexOf(entry) === i);
  const lines = [
    `${steps} steps, ${tokens} tokens; ${rows} rows of ${documents} documents`,
    `RoPE: ${printRope(rope)}`,
    ...shown.map((entry) => `loss ${entry?.loss.toFixed(4)} at step ${entry?.step}`),
    ...lengths.map((length) => {
      const own = evaluations.filter((entry) => entry.eval_length === length);
      const figures = own.map(({ step, eval_perplexity }) => `${eval_perplexity.toFixed(2)} at step ${step}`);
      return `held-out perplexity at ${length} tokens: ${figures.join(', ')}`;
    }),
    `${folder}:`,
    ...files.map(({ name, bytes, how }) => `  ${name}  ${formatBytes(bytes)}, ${how}`),
  ];
  return `${lines.join('\n')}\n`;
}
