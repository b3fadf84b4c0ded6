import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { hashDocuments, type TokenDocument, type Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import { comparePerplexity, type MethodPerplexity, parseRopeMethod, type RopeMethod } from '../evaluation/index.js';
import { configJson, longropeConfig } from '../export/index.js';
import { hashModel, loadModel, type Model } from '../model/index.js';
import { type ReportInput, type ReportView, renderHtml, renderJson, SEARCHED, searchReport } from '../report/index.js';
import { longropeAttentionFactor } from '../rope/attention-factor.js';
import { formatFactorJson } from '../rope/factor-json.js';
import type { FactorSet } from '../rope/factor-set.js';
import { rescaledRope } from '../rope/frequencies.js';
import { writeFileAtomic } from '../run/index.js';
import { type Device, type Engine, engineName, openEngine } from '../runtime/index.js';
import {
  type Budget,
  baselineCandidates,
  createAlgorithm,
  type Json,
  modelObjective,
  runSearch,
  type SearchProblem,
  type SearchProgress,
  type SearchResult,
  tokenWeightedLoss,
} from '../search/index.js';
import { programVersion } from './version.js';

export interface SearchJob {
  readonly modelPath: string;
  readonly tokenizer: Tokenizer;
  readonly documents: readonly TokenDocument[];
  /** Empty: nothing is held out, and no perplexities are compared. */
  readonly heldOut: readonly TokenDocument[];
  /** What the texts are called in the report. */
  readonly textName: string;
  readonly targetLength: number;
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
  const problem = searchProblem(model, job.targetLength);
  const algorithm = createAlgorithm(job.algorithm, problem, job.hyperparameters, job.seed);
  const modelHash = await hashModel(model);
  const engine = await openEngine(model, {
    maxLength: job.targetLength,
    ...(job.device !== undefined && { device: job.device }),
    ...(job.workers !== undefined && { workers: job.workers }),
    ...(job.threads !== undefined && { threads: job.threads }),
  });
  try {
    const shared = {
      engine,
      geometry: model.spec.rope.geometry,
      bosTokenId: job.tokenizer.bosTokenId,
      length: job.targetLength,
    };
    const objective = modelObjective({ ...shared, documents: job.documents });
    await mkdir(path.dirname(path.resolve(job.out)), { recursive: true });
    const result = await runSearch({
      problem,
      algorithm,
      seed: job.seed,
      objective,
      ...(job.heldOut.length > 0 && { heldOut: modelObjective({ ...shared, documents: job.heldOut }) }),
      budget: job.budget,
      runDirectory: job.out,
      inputs: inputsOf(job, modelHash) as Record<string, Json>,
      ...(job.onSearch && { onProgress: job.onSearch }),
      ...(job.signal && { signal: job.signal }),
    });
    const perplexities = await compareHeldOut(job, model, engine, result);
    const baselines = await baselineLosses(problem, objective);
    const view = searchReport({
      subject: path.basename(path.resolve(job.modelPath)),
      command: job.command,
      generatedBy: `longrope ${programVersion()}, ${engineName(job.device)}`,
      inputs: reportInputs(job, modelHash),
      rope: model.spec.rope,
      targetLength: job.targetLength,
      result,
      methods: [
        ...METHODS.map(({ name, kind, description }) => ({ name, kind, description })),
        { name: SEARCHED, kind: 'searched', description: `${job.algorithm}, seed ${job.seed}` },
      ],
      factors: [
        ...baselineCandidates(problem).filter(({ name }) => name !== 'none'),
        { name: SEARCHED, candidate: result.winner.candidate },
      ],
      baselines,
      perplexities,
      protocol: `Protocol document: mean over all tokens of ${job.heldOut.length} held-out documents, ${job.tokenizer.bosTokenId === null ? 'no BOS' : 'BOS first'}; closed forms at the ratio of each length, the searched set unchanged at every length.`,
      notes: ['Nothing was fine-tuned.'],
    });
    return { result, view, files: await writeArtefacts(job, model, result, view) };
  } finally {
    await engine.close();
  }
}

/** Closed forms a search is compared with, as `--rope` spells them. */
const METHODS = [
  { name: 'none', rope: 'none', kind: 'unscaled', description: 'the model as trained' },
  { name: 'PI', rope: 'pi', kind: 'baseline', description: 'every factor s' },
  { name: 'NTK', rope: 'ntk', kind: 'baseline', description: 's^(2i/(d-2))' },
  { name: 'YaRN', rope: 'yarn@1', kind: 'baseline', description: 'ramp 32 to 1, attention factor 1' },
  {
    name: 'YaRN, usual attention factor',
    rope: 'yarn',
    kind: 'baseline',
    description: 'attention factor 0.1 ln s + 1',
  },
] as const;

function searchProblem({ spec }: Model, targetLength: number): SearchProblem {
  const { geometry, originalLength } = spec.rope;
  if (targetLength <= originalLength)
    throw new UserError('usage', {
      where: '--target',
      expected: `more than the original length of the model, ${originalLength}`,
      found: `${targetLength}`,
    });
  const ratio = targetLength / originalLength;
  return {
    rotaryPairs: geometry.rotaryDim / 2,
    headDim: geometry.headDim,
    rotaryDim: geometry.rotaryDim,
    theta: geometry.theta,
    originalLength,
    targetLength,
    ratio,
    defaultAttentionFactor: longropeAttentionFactor(ratio, originalLength),
  };
}

function inputsOf({ documents, heldOut, tokenizer, device }: SearchJob, model: string) {
  return {
    model,
    tokenizer: tokenizer.hash,
    documents: hashDocuments(documents),
    heldOut: hashDocuments(heldOut),
    engine: engineName(device),
    version: programVersion(),
  };
}

function reportInputs(job: SearchJob, model: string): ReportInput[] {
  return [
    { label: 'model', name: job.modelPath, sha256: model },
    { label: 'tokenizer', name: job.modelPath, sha256: job.tokenizer.hash },
    {
      label: 'search documents',
      name: job.textName,
      sha256: hashDocuments(job.documents),
      detail: names(job.documents),
    },
    ...(job.heldOut.length === 0
      ? []
      : [
          {
            label: 'held-out documents',
            name: job.textName,
            sha256: hashDocuments(job.heldOut),
            detail: names(job.heldOut),
          },
        ]),
  ];
}

function names(documents: readonly TokenDocument[]): string {
  return documents.map(({ id }) => id).join(', ');
}

async function compareHeldOut(
  job: SearchJob,
  model: Model,
  engine: Engine,
  result: SearchResult,
): Promise<MethodPerplexity[]> {
  if (job.heldOut.length === 0 || job.compare === false) return [];
  const { rope } = model.spec;
  const methods: RopeMethod[] = [];
  for (const { name, rope: text } of METHODS) methods.push({ ...(await parseRopeMethod(text, rope)), name });
  methods.push({ name: SEARCHED, resolve: () => rescaledRope(rope.geometry, result.winner.candidate) });
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
async function baselineLosses(problem: SearchProblem, objective: ReturnType<typeof modelObjective>) {
  const baselines = baselineCandidates(problem);
  const requests = baselines.flatMap(({ candidate }) =>
    objective.documents.map((_, document) => ({ candidate, document })),
  );
  const losses = await objective.evaluate(requests);
  const count = objective.documents.length;
  return baselines.map(({ name }, i) => ({ name, loss: tokenWeightedLoss(losses.slice(i * count, (i + 1) * count)) }));
}

async function writeArtefacts(job: SearchJob, model: Model, result: SearchResult, view: ReportView): Promise<string[]> {
  const { candidate } = result.winner;
  const set: FactorSet = {
    factors: candidate.factors,
    attentionFactor: candidate.attentionFactor,
    startTokens: candidate.startTokens,
    originalLength: model.spec.rope.originalLength,
    targetLength: job.targetLength,
  };
  const written: Record<string, string> = { 'factors.json': formatFactorJson(set) };
  // Start tokens cannot be expressed in a config: the factor file alone carries them.
  if (candidate.startTokens === 0)
    written['config.json'] = configJson(longropeConfig(model.config, model.spec.rope, set, job.targetLength));
  written['report.json'] = renderJson(view);
  written['report.html'] = renderHtml(view);
  for (const [name, content] of Object.entries(written)) await writeFileAtomic(path.join(job.out, name), content);
  return ['factors.csv', ...Object.keys(written)].map((name) => path.join(job.out, name));
}
