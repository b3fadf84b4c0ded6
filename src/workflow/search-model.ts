import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { TokenDocument, Tokenizer } from '../corpus/index.js';
import { hashModel, loadModel } from '../model/index.js';
import { type ReportView, SEARCHED, searchReport } from '../report/index.js';
import { type Device, engineName, openEngine } from '../runtime/index.js';
import {
  type Budget,
  baselineCandidates,
  type Candidate,
  checkRacing,
  createAlgorithm,
  multiplierProblem,
  type NamedCandidate,
  type Racing,
  runSearch,
  type SearchProgress,
  type SearchResult,
  SecondInterpolation,
  secondBaselines,
  unscaledCandidate,
} from '../search/index.js';
import { chooseAlgorithm } from './choose-algorithm.js';
import { writeSearchArtefacts } from './search-artefacts.js';
import { baselineLosses, comparedMethods, compareHeldOut } from './search-comparison.js';
import { inputsOf, notesOf, reportInputs } from './search-inputs.js';
import { type ObjectiveOptions, planObjective } from './search-objective.js';
import { type SearchSpace, type SpaceOptions, searchSpace, startTokensNotice } from './search-space.js';
import { programVersion } from './version.js';

export interface SearchJob extends SpaceOptions, ObjectiveOptions {
  readonly modelPath: string;
  readonly tokenizer: Tokenizer;
  readonly documents: readonly TokenDocument[];
  /** Empty: nothing is held out, and no perplexities are compared. */
  readonly heldOut: readonly TokenDocument[];
  /** What the texts are called in the report. */
  readonly textName: string;
  /** Weight of a pull towards factors of 1, in nats per token (`pullPenalty`). */
  readonly pull?: number;
  /** Ends candidates that fall behind early (docs/search.md). */
  readonly racing?: Racing;
  /** A name, or auto. */
  readonly algorithm: string;
  /** Compare winner and closed forms at 1, 2, 4 ... times the original length on the held-out documents; default true. */
  readonly compare?: boolean;
  /** Parsed JSON of a hyper-parameter file; undefined = defaults. */
  readonly hyperparameters?: unknown;
  readonly budget: Budget;
  readonly seed: number;
  /** Run folder. */
  readonly out: string;
  readonly device?: Device;
  readonly workers?: number;
  readonly threads?: number;
  /** What is to be known before a long search begins. */
  readonly onNotice?: (notice: string) => void;
  /** The command that reproduces the run. */
  readonly command: string;
  readonly onSearch?: (progress: SearchProgress) => void;
  readonly onEvaluate?: (done: number, total: number, detail: string) => void;
  readonly signal?: AbortSignal;
}

export interface SearchOutcome {
  readonly result: SearchResult;
  readonly view: ReportView;
  readonly files: readonly string[];
}

/** A search on a real model from documents to files: run folder, factors, config.json, comparison and report. */
export async function searchModel(job: SearchJob): Promise<SearchOutcome> {
  const model = await loadModel(job.modelPath);
  const space = await searchSpace(model, job);
  const chosen = chooseAlgorithm(job, model.spec);
  const { algorithm, partsOf } = searchAlgorithm({ ...job, algorithm: chosen.name }, space);
  if (job.racing !== undefined) checkRacing(job.racing, algorithm, job.documents.length);
  const inexpressible = startTokensNotice(algorithm, space);
  if (inexpressible !== null) job.onNotice?.(inexpressible);
  const baselines = baselinesOf(space);
  const planned = await planObjective(job, model, unscaledOf(space));
  const modelHash = await hashModel(model);
  const engine = await openEngine(model, {
    maxLength: planned.maxLength,
    gradients: algorithm.wantsGradients !== undefined,
    ...(job.device !== undefined && { device: job.device }),
    ...(job.workers !== undefined && { workers: job.workers }),
    ...(job.threads !== undefined && { threads: job.threads }),
  });
  try {
    const { objective, heldOut } = await planned.open(engine, job.signal);
    await mkdir(path.dirname(path.resolve(job.out)), { recursive: true });
    const result = await runSearch({
      problem: space.problem,
      algorithm,
      seed: job.seed,
      objective,
      ...(heldOut && { heldOut }),
      baselines,
      ...(job.pull !== undefined && { pull: job.pull }),
      ...(job.racing && { racing: job.racing }),
      ...(partsOf && { partsOf }),
      budget: job.budget,
      runDirectory: job.out,
      inputs: { ...inputsOf(job, space, modelHash), ...planned.inputs },
      ...(job.onSearch && { onProgress: job.onSearch }),
      ...(job.signal && { signal: job.signal }),
    });
    const methods = await comparedMethods(model.spec.rope, space.frozen);
    const perplexities = await compareHeldOut(job, model, engine, result, methods);
    const view = searchReport({
      subject: path.basename(path.resolve(job.modelPath)),
      command: job.command,
      generatedBy: `longrope ${programVersion()}, ${engineName(job.device)}`,
      inputs: reportInputs(job, modelHash),
      rope: model.spec.rope,
      targetLength: job.targetLength,
      result,
      methods: [
        ...methods.map(({ name, kind, description }) => ({ name, kind, description })),
        { name: SEARCHED, kind: 'searched', description: `${chosen.name}, seed ${job.seed}` },
      ],
      factors: [
        ...baselines.filter(({ name }) => name !== 'none' || space.frozen !== null),
        { name: SEARCHED, candidate: result.winner.candidate },
      ],
      baselines: await baselineLosses(baselines, objective),
      perplexities,
      protocol: `Protocol document: mean over all tokens of ${job.heldOut.length} held-out documents, ${job.tokenizer.bosTokenId === null ? 'no BOS' : 'BOS first'}; closed forms at the ratio of each length${space.frozen === null ? '' : ` to ${space.frozen.length}`}, the searched set unchanged at every length.`,
      notes: [
        ...(chosen.reason === null ? [] : [`Algorithm ${chosen.reason}.`]),
        ...notesOf(job, space, planned, result),
      ],
    });
    return {
      result,
      view,
      files: await writeSearchArtefacts(job, { config: model.config, rope: model.spec.rope }, result, view),
    };
  } finally {
    await engine.close();
  }
}

export function searchAlgorithm(
  { algorithm, hyperparameters, seed }: Pick<SearchJob, 'algorithm' | 'hyperparameters' | 'seed'>,
  { problem, frozen }: SearchSpace,
) {
  if (frozen === null) return { algorithm: createAlgorithm(algorithm, problem, hyperparameters, seed) };
  const multipliers = createAlgorithm(algorithm, multiplierProblem(problem, frozen), hyperparameters, seed);
  const second = new SecondInterpolation(frozen, multipliers);
  return { algorithm: second, partsOf: second.partsOf.bind(second) };
}

/** What the model is before the search. */
function unscaledOf({ problem, frozen }: SearchSpace): Candidate {
  return frozen ?? unscaledCandidate(problem);
}

export function baselinesOf({ problem, frozen }: SearchSpace): readonly NamedCandidate[] {
  return frozen === null ? baselineCandidates(problem) : secondBaselines(problem, frozen);
}
