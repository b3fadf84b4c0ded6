import { exportGguf, type GgufExport } from '../../workflow/export-gguf.js';
import type { ExportGgufFlags } from '../commands/export.js';
import { interruptible, STARTS_AGAIN } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { formatBytes, printRope } from './export-output.js';

export async function runExportGguf(model: string, flags: ExportGgufFlags): Promise<void> {
  const progress = startProgress('export');
  const { short, target } = flags;
  const result = await interruptible(
    (signal) =>
      exportGguf({
        model,
        rope: flags.rope,
        out: flags.out,
        force: flags.force === true,
        type: flags.type === 'keep' ? null : flags.type,
        tokenizer: flags.tokenizer,
        ...(short !== undefined && { short }),
        ...(target !== undefined && { targetLength: target }),
        onProgress: progress.update,
        signal,
      }),
    STARTS_AGAIN,
  ).finally(() => progress.finish());
  process.stdout.write(flags.json ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
}

function describe({ out, rope, bytes, types, notes }: GgufExport): string {
  const counts = Object.entries(types).map(([type, count]) => `${count} ${type}`);
  const lines = [`${out}: ${formatBytes(bytes)}, tensors: ${counts.join(', ')}`, `  ${printRope(rope)}`];
  return `${[...lines, ...notes.map((note) => `note: ${note}`)].join('\n')}\n`;
}
