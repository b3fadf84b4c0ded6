import { exportTraining, type TrainingExport } from '../../workflow/export-training.js';
import type { ExportTrainingFlags } from '../commands/export-training.js';
import { interruptible, STARTS_AGAIN } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { printRope } from './export-output.js';

export async function runExportTraining(model: string, flags: ExportTrainingFlags): Promise<void> {
  const progress = startProgress('export');
  const { short, target, dtype, maxShardSize, json, ...rest } = flags;
  const result = await interruptible(
    (signal) =>
      exportTraining({
        model,
        ...rest,
        ...(maxShardSize !== undefined && { maxShardBytes: maxShardSize }),
        ...(dtype !== undefined && { dtype }),
        ...(short !== undefined && { short }),
        ...(target !== undefined && { targetLength: target }),
        onProgress: progress.update,
        signal,
      }),
    STARTS_AGAIN,
  ).finally(() => progress.finish());
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
}

function describe(result: TrainingExport): string {
  const { out, engine, rope, rows, rowTokens, documents, leftOverTokens, entries, launch } = result;
  return `${[
    `${out}: ${engine}, ${printRope(rope)}`,
    `  data/: ${rows} rows of ${rowTokens} tokens from ${documents} documents; ${leftOverTokens} tokens left over`,
    `  ${entries.join(' ')}`,
    `train (README.md says what must stay as it is):`,
    ...[`cd ${out}`, ...launch].map((line) => `  ${line}`),
    `then: longrope export hf ${out}/trained --restore ${out} --out FOLDER`,
  ].join('\n')}\n`;
}
