import path from 'node:path';
import { type Problem, UserError } from '../errors.js';
import { loadModel } from '../model/index.js';
import { formatCount } from '../report/format.js';
import { type Budget, isReleased, type SearchResult } from '../search/index.js';
import { AUTO } from './choose-algorithm.js';
import { refuseSharedTexts } from './held-out-texts.js';
import { type SearchJob, searchModel } from './search-model.js';
import { type CurriculumPart, reportPart } from './search-progress.js';
import type { SearchOutcome } from './search-run.js';

export interface CurriculumOutcome extends SearchOutcome {
  /** Searches of the shorter targets with their run folders, in order. */
  readonly before: readonly { readonly out: string; readonly result: SearchResult }[];
}

/** Largest ratio to the original length that is searched from closed forms alone, and the steps between targets from there. */
const FIRST_RATIO = 8;
const STEP_RATIO = 4;

/** A shorter search with fewer evaluations has little to hand on. */
const LEAST_EVALUATIONS = 60;

/**
 * What `auto` searches before a target of 16 times the original length or more: 8, 32, 128 ... times it, up to half the target.
 * Nothing where the user says where to start, or where the budget is too small for it.
 */
export function autoCurriculum(
  { algorithm, lengths, over, starts, maxFactor, budget, targetLength }: CurriculumJob,
  originalLength: number,
): readonly number[] {
  if (algorithm !== AUTO || [lengths, over, starts, maxFactor].some((option) => option !== undefined)) return [];
  const targets: number[] = [];
  for (let length = FIRST_RATIO * originalLength; 2 * length <= targetLength; length *= STEP_RATIO)
    targets.push(length);
  const evaluations = {
    documents: budget.amount,
    tokens: budget.amount / targetLength,
    seconds: Number.POSITIVE_INFINITY,
  }[budget.unit];
  return evaluations / (targets.length + 1) < LEAST_EVALUATIONS ? [] : targets;
}

type CurriculumJob = Pick<
  SearchJob,
  'algorithm' | 'lengths' | 'over' | 'starts' | 'maxFactor' | 'budget' | 'targetLength'
>;

/**
 * A search whose shorter `targets` (default: `autoCurriculum`) are searched before, in rising order, each from the factors of the one
 * before, stretched. The budget is shared out in equal parts. Shorter searches are runs of their own beside that of `job`, in folders
 * that end in their length; a run that was cut off goes on at any of them. Throws `UserError('usage')` for targets that do not rise
 * from the original length to the job's, or that `--length` would exceed, and for algorithms that take no factors to start from.
 */
export async function searchByCurriculum(whole: SearchJob, given?: readonly number[]): Promise<CurriculumOutcome> {
  const job = { ...whole, ...(whole.onNotice && { onNotice: once(whole.onNotice) }) };
  // Shorter searches hold nothing out.
  refuseSharedTexts(job);
  const { originalLength } = (await loadModel(job.modelPath)).spec.rope;
  const targets = given ?? autoCurriculum(job, originalLength);
  if (targets.length > 0) checkCurriculum(job, targets, originalLength);
  const parts = equalShares(job.budget, [...targets, job.targetLength]);
  const { onSearch } = job;
  const searchPart = (one: SearchJob) => (targets.length === 0 ? searchModel(one) : partOf(job, one));
  const part = (i: number) => ({
    ...(parts[i] as CurriculumPart),
    ...(onSearch && { onSearch: reportPart(onSearch, parts, i) }),
  });
  let starts = job.starts ?? [];
  const before: { out: string; result: SearchResult }[] = [];
  const notes: string[] = [];
  for (const [i, targetLength] of targets.entries()) {
    const out = `${path.resolve(job.out)}-${targetLength}`;
    // What was asked for need not be told.
    if (given === undefined)
      job.onNotice?.(`first a search at ${formatCount(targetLength)} tokens: ${path.relative(process.cwd(), out)}`);
    const { result } = await searchPart({
      ...job,
      starts,
      ...part(i),
      out,
      heldOut: [],
      compare: false,
    });
    before.push({ out, result });
    starts = [path.join(out, 'factors.json')];
    const { documents, tokens } = result.spent;
    notes.push(
      `Curriculum: it started from a search at ${formatCount(targetLength)} tokens, which spent ${formatCount(documents)} documents, ${formatCount(tokens)} tokens (${path.basename(out)}).`,
    );
  }
  return { ...(await searchPart({ ...job, starts, ...part(targets.length), notes })), before };
}

/** What every search of a curriculum would say is told with the first. */
function once(tell: (notice: string) => void): (notice: string) => void {
  const told = new Set<string>();
  return (notice) => {
    if (!told.has(notice)) tell(notice);
    told.add(notice);
  };
}

/** A search of the curriculum; what is wrong with it is told with its own target and share of the budget. */
async function partOf({ budget: whole }: SearchJob, job: SearchJob): Promise<SearchOutcome> {
  try {
    return await searchModel(job);
  } catch (error) {
    if (!(error instanceof UserError) || error.kind === 'interrupted') throw error;
    const { amount, unit } = job.budget;
    const at = `the search at ${job.targetLength} tokens, with ${amount} of ${whole.amount} ${unit}`;
    throw new UserError(
      error.kind,
      error.problems.map((problem) => ({ ...problem, where: `${at}: ${problem.where}` })),
      { cause: error },
    );
  }
}

function checkCurriculum(
  { algorithm, targetLength, lengths }: SearchJob,
  targets: readonly number[],
  originalLength: number,
): void {
  const problems: Problem[] = [];
  const where = '--curriculum';
  const all = [...targets, targetLength];
  if (!all.every((length, i) => length > (all[i - 1] ?? originalLength)))
    problems.push({
      where,
      expected: `lengths that rise from above ${originalLength}, the original length, to below the target, ${targetLength}`,
      found: targets.join(','),
    });
  if (lengths !== undefined)
    problems.push({ where, expected: 'no --length, as shorter targets lie below some of these', found: 'both' });
  if (isReleased(algorithm))
    problems.push({
      where,
      expected: 'an algorithm that can begin with the factors of a shorter target',
      found: `${algorithm}, which takes none`,
      fix: 'leave it out, or search with another algorithm',
    });
  if (problems.length > 0) throw new UserError('usage', problems);
}

/** What does not divide goes to the last. */
function equalShares({ unit, amount }: Budget, targets: readonly number[]): CurriculumPart[] {
  const others = targets.length - 1;
  const share = unit === 'seconds' ? amount / targets.length : Math.floor(amount / targets.length);
  return targets.map((targetLength, i) => ({
    targetLength,
    budget: { unit, amount: i < others ? share : amount - share * others },
  }));
}
