import { UserError } from '../../errors.js';
import { exportHf } from '../../workflow/export-hf.js';
import type { ExportHfFlags } from '../commands/export.js';
import { interruptible, STARTS_AGAIN } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { describeFolder } from './export-output.js';

export async function runExportHf(model: string, flags: ExportHfFlags): Promise<void> {
  const { dtype, short, target, rope, restore, engine } = flags;
  if (engine !== undefined && rope === 'model')
    throw new UserError('usage', {
      where: '--engine',
      expected: '--rope with factors, which it is to be exact for',
      found: '--rope model',
    });
  const progress = startProgress('export');
  const result = await interruptible(
    (signal) =>
      exportHf({
        model,
        ...(rope !== undefined && { rope }),
        ...(restore !== undefined && { restore }),
        out: flags.out,
        force: flags.force === true,
        weights: flags.weights,
        ...(flags.maxShardSize !== undefined && { maxShardBytes: flags.maxShardSize }),
        ...(flags.profile !== undefined && { profile: flags.profile }),
        engines: engine ?? ['transformers'],
        factorSets: flags.factorSet,
        ...(dtype !== undefined && { dtype }),
        ...(short !== undefined && { short }),
        ...(target !== undefined && { targetLength: target }),
        onProgress: progress.update,
        signal,
      }),
    STARTS_AGAIN,
  ).finally(() => progress.finish());
  process.stdout.write(flags.json ? `${JSON.stringify(result, null, 2)}\n` : describeFolder(result));
}
