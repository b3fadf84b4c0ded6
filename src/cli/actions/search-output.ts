import { renderJson, renderTerminal } from '../../report/index.js';
import type { SearchJob } from '../../workflow/search-model.js';
import type { SearchOutcome } from '../../workflow/search-run.js';
import { type Progress, startProgress } from '../progress.js';

/** Runs `job` with progress lines for its search and its comparison; both are wiped when it ends, however it ends. */
export async function withSearchProgress(
  job: (callbacks: Pick<SearchJob, 'onSearch' | 'onEvaluate'>) => Promise<SearchOutcome>,
): Promise<SearchOutcome> {
  const search = startProgress('search');
  // Its first line comes a minute after its own beginning.
  let comparison = null as Progress | null;
  try {
    return await job({
      onSearch: (done, total, detail) => search.update(done, total, detail),
      onEvaluate: (done, total, detail) => {
        comparison ??= startProgress('compare');
        comparison.update(done, total, detail);
      },
    });
  } finally {
    search.finish();
    comparison?.finish();
  }
}

export function printNotice(notice: string): void {
  process.stderr.write(`note: ${notice}\n`);
}

export function printOutcome({ view, files }: SearchOutcome, json: boolean): void {
  if (json) {
    process.stdout.write(renderJson(view));
    return;
  }
  process.stdout.write(`${renderTerminal(view, { colour: process.stdout.isTTY === true })}\n`);
  process.stdout.write(`\nwritten:\n${files.map((file) => `  ${file}\n`).join('')}`);
}
