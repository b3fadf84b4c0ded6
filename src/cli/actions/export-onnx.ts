import { exportOnnx } from '../../workflow/export-onnx.js';
import type { ExportOnnxFlags } from '../commands/export-onnx.js';
import { interruptible, STARTS_AGAIN } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { describeFolder } from './export-output.js';

export async function runExportOnnx(model: string, flags: ExportOnnxFlags): Promise<void> {
  const progress = startProgress('export');
  const { short, target, maxShardSize, json, ...rest } = flags;
  const result = await interruptible(
    (signal) =>
      exportOnnx({
        model,
        ...rest,
        maxShardBytes: maxShardSize,
        ...(short !== undefined && { short }),
        ...(target !== undefined && { targetLength: target }),
        onProgress: progress.update,
        signal,
      }),
    STARTS_AGAIN,
  ).finally(() => progress.finish());
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describeFolder(result));
}
