import type { EvaluationRecord } from '../../evaluation/index.js';
import type { EvaluationTarget } from '../../workflow/evaluation-job.js';
import type { EvaluationFlags } from '../commands/evaluation-options.js';
import { interruptible } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { commandLine } from './command-line.js';

/** Runs one evaluation with progress and a clean Ctrl-C, and prints its record. */
export async function runEvaluation<Record extends EvaluationRecord>(
  model: string,
  flags: EvaluationFlags,
  label: string,
  evaluate: (target: EvaluationTarget) => Promise<Record>,
  text: (record: Record) => string,
): Promise<void> {
  const progress = startProgress(label);
  const record = await interruptible((signal) =>
    evaluate({
      model,
      methods: flags.rope ?? ['model'],
      command: commandLine(),
      ...(flags.tokenizer !== undefined && { tokenizer: flags.tokenizer }),
      ...(flags.out !== undefined && { out: flags.out }),
      device: flags.device,
      ...(flags.workers !== undefined && { workers: flags.workers }),
      ...(flags.threads !== undefined && { threads: flags.threads }),
      onProgress: (done, total, detail) => progress.update(done, total, detail),
      signal,
    }),
  ).finally(() => progress.finish());
  process.stdout.write(flags.json ? `${JSON.stringify(record, null, 2)}\n` : `${text(record)}\n`);
}
