import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { TokenDocument, Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import { comparePerplexity, type MethodPerplexity } from '../evaluation/index.js';
import { configJson, longropeConfig } from '../export/index.js';
import { hashModel, loadModel, type Model, type RopeSpec } from '../model/index.js';
import { type ReportView, renderHtml, renderJson, SEARCHED, searchReport } from '../report/index.js';
import { formatFactorJson } from '../rope/factor-json.js';
import type { FactorSet } from '../rope/factor-set.js';
import { rescaledRope } from '../rope/frequencies.js';
import { writeFileAtomic } from '../run/index.js';
import { type Device, type Engine, engineName, openEngine } from '../runtime/index.js';
import {
  type Budget,
  baselineCandidates,
  checkRacing,
  createAlgorithm,
  type Json,
  modelObjective,
  multiplierProblem,
  type NamedCandidate,
  type Racing,
  runSearch,
  type SearchProgress,
  type SearchResult,
  SecondInterpolation,
  secondBaselines,
  tokenWeightedLoss,
  type WeightedLength,
} from '../search/index.js';
import { chooseAlgorithm } from './choose-algorithm.js';
import { type ComparedMethod, comparedMethods } from './search-comparison.js';
import { inputsOf, notesOf, reportInputs } from './search-inputs.js';
import { type SearchSpace, type SpaceOptions, searchSpace } from './search-space.js';
import { programVersion } from './version.js';

export interface SearchJob extends SpaceOptions {
  readonly modelPath: string;
  readonly tokenizer: Tokenizer;
  readonly documents: readonly TokenDocument[];
  /** Empty: nothing is held out, and no perplexities are compared. */
  readonly heldOut: readonly TokenDocument[];
  /** What the texts are called in the report. */
  readonly textName: string;
  /** Lengths whose mean loss is minimised, none above the target; default the target alone. */
  readonly lengths?: readonly WeightedLength[];
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
  const lengths = objectiveLengths(job);
  const space = await searchSpace(model, job);
  const chosen = chooseAlgorithm(job, model.spec);
  const { algorithm, partsOf } = searchAlgorithm({ ...job, algorithm: chosen.name }, space);
  if (job.racing !== undefined) checkRacing(job.racing, algorithm, job.documents.length);
  const baselines = baselinesOf(space);
  const modelHash = await hashModel(model);
  const engine = await openEngine(model, {
    maxLength: Math.max(...lengths.map(({ length }) => length), ...(job.heldOut.length > 0 ? [job.targetLength] : [])),
    gradients: algorithm.wantsGradients !== undefined,
    ...(job.device !== undefined && { device: job.device }),
    ...(job.workers !== undefined && { workers: job.workers }),
    ...(job.threads !== undefined && { threads: job.threads }),
  });
  try {
    const shared = {
      engine,
      geometry: model.spec.rope.geometry,
      bosTokenId: job.tokenizer.bosTokenId,
    };
    const objective = modelObjective({ ...shared, documents: job.documents, lengths });
    const atTarget = [{ length: job.targetLength, weight: 1 }];
    await mkdir(path.dirname(path.resolve(job.out)), { recursive: true });
    const result = await runSearch({
      problem: space.problem,
      algorithm,
      seed: job.seed,
      objective,
      ...(job.heldOut.length > 0 && {
        heldOut: modelObjective({ ...shared, documents: job.heldOut, lengths: atTarget }),
      }),
      baselines,
      ...(job.pull !== undefined && { pull: job.pull }),
      ...(job.racing && { racing: job.racing }),
      ...(partsOf && { partsOf }),
      budget: job.budget,
      runDirectory: job.out,
      inputs: inputsOf(job, space, modelHash) as Record<string, Json>,
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
        ...notesOf(job, space, lengths, result),
      ],
    });
    return {
      result,
      view,
      files: await writeArtefacts(job, { config: model.config, rope: model.spec.rope }, result, view),
    };
  } finally {
    await engine.close();
  }
}

function objectiveLengths({ lengths, targetLength }: SearchJob): readonly WeightedLength[] {
  if (lengths === undefined) return [{ length: targetLength, weight: 1 }];
  const long = lengths.filter(({ length }) => length > targetLength);
  if (long.length > 0)
    throw new UserError('usage', {
      where: '--length',
      expected: `no length above the target, ${targetLength}`,
      found: long.map(({ length }) => length).join(', '),
    });
  return lengths;
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

export function baselinesOf({ problem, frozen }: SearchSpace): readonly NamedCandidate[] {
  return frozen === null ? baselineCandidates(problem) : secondBaselines(problem, frozen);
}

async function compareHeldOut(
  job: SearchJob,
  model: Model,
  engine: Engine,
  result: SearchResult,
  compared: readonly ComparedMethod[],
): Promise<MethodPerplexity[]> {
  if (job.heldOut.length === 0 || job.compare === false) return [];
  const { rope } = model.spec;
  const methods = [
    ...compared.map((method) => method.rope),
    { name: SEARCHED, resolve: () => rescaledRope(rope.geometry, result.winner.candidate) },
  ];
  const lengths = [];
  for (let length = rope.originalLength; length < job.targetLength; length *= 2) lengths.push(length);
  return comparePerplexity({
    engine,
    rope,
    methods,
    documents: job.heldOut,
    bosTokenId: job.tokenizer.bosTokenId,
    protocols: [...lengths, job.targetLength].map((length) => ({ name: 'document', length })),
    ...(job.onEvaluate && { onProgress: job.onEvaluate }),
    ...(job.signal && { signal: job.signal }),
  });
}

/** Where the closed forms stand on the search documents, for the curve. */
async function baselineLosses(baselines: readonly NamedCandidate[], objective: ReturnType<typeof modelObjective>) {
  const requests = baselines.flatMap(({ candidate }) =>
    objective.documents.map((_, document) => ({ candidate, document })),
  );
  const losses = await objective.evaluate(requests);
  const count = objective.documents.length;
  return baselines.map(({ name }, i) => ({ name, loss: tokenWeightedLoss(losses.slice(i * count, (i + 1) * count)) }));
}

export async function writeArtefacts(
  job: Pick<SearchJob, 'targetLength' | 'out'>,
  { config, rope }: { readonly config: Model['config'] | null; readonly rope: RopeSpec },
  result: SearchResult,
  view: ReportView,
): Promise<string[]> {
  const { candidate } = result.winner;
  const set: FactorSet = {
    factors: candidate.factors,
    attentionFactor: candidate.attentionFactor,
    startTokens: candidate.startTokens,
    originalLength: rope.originalLength,
    targetLength: job.targetLength,
  };
  const written: Record<string, string> = { 'factors.json': formatFactorJson(set) };
  // Start tokens and factors for the original length alone cannot be expressed in a config: the factor file carries them.
  if (config !== null && candidate.startTokens === 0 && job.targetLength > rope.originalLength)
    written['config.json'] = configJson(longropeConfig(config, rope, set, job.targetLength));
  written['report.json'] = renderJson(view);
  written['report.html'] = renderHtml(view);
  for (const [name, content] of Object.entries(written)) await writeFileAtomic(path.join(job.out, name), content);
  return ['factors.csv', ...Object.keys(written)].map((name) => path.join(job.out, name));
}
