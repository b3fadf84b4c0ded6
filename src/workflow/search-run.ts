import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { RopeSpec } from '../model/index.js';
import { type ReportView, SEARCHED } from '../report/index.js';
import { JOURNAL_NAME, MANIFEST_NAME, parseJournal, type ReportProgress } from '../run/index.js';
import {
  type Budget,
  baselineCandidates,
  createAlgorithm,
  multiplierProblem,
  type NamedCandidate,
  type Racing,
  runSearch,
  type SearchOptions,
  type SearchResult,
  SecondInterpolation,
  secondBaselines,
} from '../search/index.js';
import { ownRopeNotice } from './own-rope.js';
import { configNotice } from './search-artefacts.js';
import { type ComparedMethod, OWN } from './search-comparison.js';
import { reportSearch } from './search-progress.js';
import type { SearchSpace, SpaceOptions } from './search-space.js';

/** What every search is told, whoever computes its losses. */
export interface SearchSettings extends SpaceOptions {
  /** Weight of a pull towards factors of 1, in nats per token (`pullPenalty`). */
  readonly pull?: number;
  /** Ends candidates that fall behind early (docs/search.md). */
  readonly racing?: Racing;
  /** A name, or auto. */
  readonly algorithm: string;
  /** Parsed JSON of a hyper-parameter file; undefined = defaults. */
  readonly hyperparameters?: unknown;
  readonly budget: Budget;
  readonly seed: number;
  /** Run folder. */
  readonly out: string;
  /** The command that reproduces the run. */
  readonly command: string;
  readonly onSearch?: ReportProgress;
  /** What is to be known before a long search begins. */
  readonly onNotice?: (notice: string) => void;
  readonly signal?: AbortSignal;
}

export interface SearchOutcome {
  readonly result: SearchResult;
  readonly view: ReportView;
  readonly files: readonly string[];
}

type NamedAlgorithm = Pick<SearchSettings, 'algorithm' | 'hyperparameters' | 'seed'>;

/** The algorithm of that name over all factors, or over the multipliers of frozen ones. */
export function searchAlgorithm(
  { algorithm, hyperparameters, seed }: NamedAlgorithm,
  { problem, frozen }: SearchSpace,
): Pick<SearchOptions, 'algorithm' | 'partsOf'> {
  if (frozen === null) return { algorithm: createAlgorithm(algorithm, problem, hyperparameters, seed) };
  const multipliers = createAlgorithm(algorithm, multiplierProblem(problem, frozen), hyperparameters, seed);
  const second = new SecondInterpolation(frozen, multipliers);
  return { algorithm: second, partsOf: second.partsOf.bind(second) };
}

/**
 * The algorithm of the run in a folder; null where there is none that has begun, whose folder may be used for another, or none that can
 * be read, which opening the folder tells.
 */
export async function begunWith(out: string): Promise<string | null> {
  try {
    const journal = path.join(out, JOURNAL_NAME);
    if (parseJournal(journal, await readFile(journal)).entries.length === 0) return null;
    const text = await readFile(path.join(out, MANIFEST_NAME), 'utf8');
    const { algorithm } = JSON.parse(text) as { readonly algorithm?: unknown };
    return typeof algorithm === 'string' ? algorithm : null;
  } catch {
    return null;
  }
}

/** What follows from the model, whoever computes its losses. */
export function spaceNotices({ own }: SearchSpace, rope: RopeSpec): readonly string[] {
  return [own && ownRopeNotice(own), configNotice(rope)].filter((notice) => notice !== null);
}

/** What the model is by itself, and the closed forms. */
export function baselinesOf({ problem, frozen, own }: SearchSpace): readonly NamedCandidate[] {
  if (frozen !== null) return secondBaselines(problem, frozen);
  return [...(own ? [{ name: OWN, candidate: own.atTarget }] : []), ...baselineCandidates(problem)];
}

/** Runs or resumes the search in the run folder of `settings`. */
export async function runSearchIn(
  { problem }: SearchSpace,
  settings: SearchSettings,
  own: Pick<
    SearchOptions,
    'algorithm' | 'partsOf' | 'objective' | 'heldOut' | 'baselines' | 'scoreBaselines' | 'inputs'
  >,
): Promise<SearchResult> {
  return runSearch({
    ...own,
    problem,
    seed: settings.seed,
    ...(settings.pull !== undefined && { pull: settings.pull }),
    ...(settings.racing && { racing: settings.racing }),
    budget: settings.budget,
    runDirectory: settings.out,
    ...(settings.onSearch && { onProgress: reportSearch(settings.onSearch) }),
    ...(settings.signal && { signal: settings.signal }),
  });
}

/** Methods and factors as a report lists them: the closed forms, then what was found. */
export function reportedSets(
  { seed, algorithm }: NamedAlgorithm,
  { frozen }: SearchSpace,
  baselines: readonly NamedCandidate[],
  methods: readonly ComparedMethod[],
  { winner }: SearchResult,
) {
  return {
    methods: [
      ...methods.map(({ name, kind, description }) => ({ name, kind, description })),
      { name: SEARCHED, kind: 'searched' as const, description: `${algorithm}, seed ${seed}` },
    ],
    factors: [
      ...baselines.filter(({ name }) => name !== 'none' || frozen !== null),
      { name: SEARCHED, candidate: winner.candidate },
    ],
  };
}
