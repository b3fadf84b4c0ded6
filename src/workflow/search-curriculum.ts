import path from 'node:path';
import { UserError } from '../errors.js';
import { loadModel } from '../model/index.js';
import type { Budget } from '../search/index.js';
import { type SearchJob, searchModel } from './search-model.js';
import type { SearchOutcome } from './search-run.js';

/**
 * A search whose shorter `targets` are searched before, in rising order, each from the factors of the one before, stretched. The
 * budget is shared out in equal parts. Shorter searches are runs of their own beside that of `job`, in folders that end in their
 * length; a run that was cut off goes on at any of them. Throws `UserError('usage')` for targets that do not rise from the
 * original length to the job's, or that `--length` would exceed.
 */
export async function searchByCurriculum(job: SearchJob, targets: readonly number[]): Promise<SearchOutcome> {
  const { originalLength } = (await loadModel(job.modelPath)).spec.rope;
  const all = [...targets, job.targetLength];
  const rises = all.every((length, i) => length > (all[i - 1] ?? originalLength));
  if (!rises)
    throw new UserError('usage', {
      where: '--curriculum',
      expected: `lengths that rise from above ${originalLength}, the original length, to below the target, ${job.targetLength}`,
      found: targets.join(','),
    });
  if (targets.length > 0 && job.lengths !== undefined)
    throw new UserError('usage', {
      where: '--curriculum',
      expected: 'no --length: a shorter target has none of these lengths above it',
      found: 'both',
    });
  const shares = equalShares(job.budget, all.length);
  let starts = job.starts ?? [];
  const notes: string[] = [];
  for (const [i, targetLength] of targets.entries()) {
    const out = `${path.resolve(job.out)}-${targetLength}`;
    job.onNotice?.(`first a search at ${count(targetLength)} tokens: ${path.relative(process.cwd(), out)}`);
    const { result } = await searchModel({
      ...job,
      targetLength,
      starts,
      budget: shares[i] as Budget,
      out,
      heldOut: [],
      compare: false,
    });
    starts = [path.join(out, 'factors.json')];
    const { documents, tokens } = result.spent;
    notes.push(
      `Curriculum: it started from a search at ${count(targetLength)} tokens, which spent ${count(documents)} documents, ${count(tokens)} tokens (${path.basename(out)}).`,
    );
  }
  return searchModel({ ...job, starts, budget: shares.at(-1) as Budget, notes });
}

function count(value: number): string {
  return value.toLocaleString('en');
}

/** What does not divide goes to the last. */
function equalShares({ unit, amount }: Budget, parts: number): Budget[] {
  const share = unit === 'seconds' ? amount / parts : Math.floor(amount / parts);
  return Array.from({ length: parts }, (_, i) => ({
    unit,
    amount: i < parts - 1 ? share : amount - share * (parts - 1),
  }));
}
