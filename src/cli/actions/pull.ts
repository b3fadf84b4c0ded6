import { printable } from '../../report/text-table.js';
import { type Pull, pull } from '../../workflow/pull.js';
import type { PullFlags } from '../commands/pull.js';
import { interruptible } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { formatBytes } from './export-output.js';

const INTERRUPT = { notice: 'stopping; what has been loaded is kept', fix: 'the same command goes on with it' };

export async function runPull(repository: string, flags: PullFlags): Promise<void> {
  const { json, dataset, endpoint = process.env['HF_ENDPOINT'], force, ...rest } = flags;
  const token = process.env['HF_TOKEN'];
  const progress = startProgress('pull');
  const started = Date.now();
  const result = await interruptible(
    (signal) =>
      pull({
        repository,
        ...rest,
        type: dataset ? 'dataset' : 'model',
        force: force === true,
        ...(endpoint && { endpoint }),
        ...(token && { token }),
        onProgress(bytes, total, detail) {
          if (bytes === 0) return progress.update(0, 1, detail);
          const rate = formatBytes((1000 * bytes) / Math.max(1, Date.now() - started));
          progress.update(bytes, total, `${formatBytes(bytes)} of ${formatBytes(total)}, ${rate}/s  ${detail}`);
        },
        signal,
      }),
    INTERRUPT,
  ).finally(() => progress.finish());
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : describe(result));
}

function describe({ out, repository, revision, commit, files, notes }: Pull): string {
  const lines = files.map(({ path, bytes, how }) => `  ${path}  ${formatBytes(bytes)}, ${how}`);
  const head = `${out}: ${repository}, ${revision === commit ? '' : `${revision} = `}commit ${commit}`;
  return `${[head, ...lines, ...notes.map((note) => `note: ${note}`)].map(printable).join('\n')}\n`;
}
