import path from 'node:path';
import { checkIds, type TokenDocument, type Tokenizer } from '../corpus/index.js';
import { hashModel, loadModel, type RopeSpec } from '../model/index.js';
import { searchReport } from '../report/index.js';
import { rescaledRope } from '../rope/frequencies.js';
import type { ReportProgress } from '../run/index.js';
import { type Device, engineName, gradientNeed, openEngine, rememberLosses } from '../runtime/index.js';
import { checkRacing, type SearchAlgorithm, unscaledCandidate } from '../search/index.js';
import { chooseAlgorithm } from './choose-algorithm.js';
import { refuseSharedTexts } from './held-out-texts.js';
import { writeSearchArtefacts } from './search-artefacts.js';
import { comparedMethods, compareHeldOut } from './search-comparison.js';
import { inputsOf, notesOf, reportInputs } from './search-inputs.js';
import { longestRow, type ObjectiveOptions, planObjective } from './search-objective.js';
import {
  baselinesOf,
  begunWith,
  reportedSets,
  runSearchIn,
  type SearchOutcome,
  type SearchSettings,
  searchAlgorithm,
  spaceNotices,
} from './search-run.js';
import { type SearchSpace, searchSpace, startTokensNotice } from './search-space.js';
import { programVersion } from './version.js';

export interface SearchJob extends SearchSettings, ObjectiveOptions {
  readonly modelPath: string;
  readonly tokenizer: Tokenizer;
  /** Where the tokenizer is from; default: `modelPath`. */
  readonly tokenizerPath?: string;
  readonly documents: readonly TokenDocument[];
  /** Empty: nothing is held out, and no perplexities are compared. */
  readonly heldOut: readonly TokenDocument[];
  /** What the texts are called in the report. */
  readonly textName: string;
  /**
   * Compare winner and closed forms at 1, 2, 4 ... times the original length on the held-out documents, and the closed forms on
   * the search documents; default true.
   */
  readonly compare?: boolean;
  readonly device?: Device;
  readonly workers?: number;
  readonly threads?: number;
  /** More lines for the report's notes. */
  readonly notes?: readonly string[];
  readonly onEvaluate?: ReportProgress;
}

/** A search on a real model from documents to files: run folder, factors, config.json, comparison and report. */
export async function searchModel(job: SearchJob): Promise<SearchOutcome> {
  refuseSharedTexts(job);
  const model = await loadModel(job.modelPath);
  checkIds([...job.documents, ...job.heldOut], model.spec.vocabularySize);
  const space = await searchSpace(model, job);
  const chosen = chooseAlgorithm(job, model.spec, {
    need: gradientNeed(model, longestRow(job, model.spec.rope)),
    begun: await begunWith(job.out),
  });
  const { algorithm, partsOf } = searchAlgorithm({ ...job, algorithm: chosen.name }, space);
  if (job.racing !== undefined) checkRacing(job.racing, algorithm, job.documents.length);
  const inexpressible = startTokensNotice(algorithm, space);
  if (inexpressible !== null) job.onNotice?.(inexpressible);
  for (const notice of spaceNotices(space, model.spec.rope)) job.onNotice?.(notice);
  const baselines = baselinesOf(space);
  const planned = await planObjective(job, model, unsearchedRope(model.spec.rope, space));
  const modelHash = await hashModel(model);
  const engine = await openEngine(model, {
    maxLength: planned.maxLength,
    gradients: algorithm.wantsGradients !== undefined,
    // Almost all time goes to gradients: a worker that has none to compute would keep its cores from those that have.
    ...(algorithm.gradientCandidates !== undefined && {
      maxWorkers: algorithm.gradientCandidates * documentsAtATime(algorithm, job),
    }),
    ...(job.device !== undefined && { device: job.device }),
    ...(job.workers !== undefined && { workers: job.workers }),
    ...(job.threads !== undefined && { threads: job.threads }),
  });
  try {
    // The winner and the closed forms are scored on held-out documents by the search, and at the target once more by the comparison.
    const remembering = rememberLosses(engine);
    const { objective, heldOut } = await planned.open({ search: engine, heldOut: remembering }, job.signal);
    const inputs = { ...inputsOf(job, space, modelHash), ...planned.inputs };
    const result = await runSearchIn(space, job, {
      algorithm,
      ...(partsOf && { partsOf }),
      objective,
      ...(heldOut && { heldOut }),
      baselines,
      scoreBaselines: job.compare !== false,
      inputs,
    });
    const methods = comparedMethods(model.spec.rope, space);
    const perplexities = await compareHeldOut(job, model, remembering, result, methods, inputs);
    const view = searchReport({
      subject: path.basename(path.resolve(job.modelPath)),
      command: job.command,
      generatedBy: `longrope ${programVersion()}, ${engineName(job.device)}`,
      inputs: reportInputs(job, modelHash),
      rope: model.spec.rope,
      targetLength: job.targetLength,
      result,
      ...reportedSets({ ...job, algorithm: chosen.name }, space, baselines, methods, result),
      perplexities,
      protocol: `Protocol document: mean over all tokens of ${job.heldOut.length} held-out documents, ${job.tokenizer.bosTokenId === null ? 'no BOS' : 'BOS first'}; closed forms at the ratio of each length${space.frozen === null ? '' : ` to ${space.frozen.length}`}, the searched set unchanged at every length.`,
      notes: [
        ...(chosen.reason === null ? [] : [`Algorithm ${chosen.reason}.`]),
        ...(job.notes ?? []),
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

function documentsAtATime({ documentsPerGeneration: count }: SearchAlgorithm, { documents }: SearchJob): number {
  return count === 'all' ? documents.length : count;
}

/** What the model is at its original length before the search: bit for bit what surely keeps a limit there, also one of 0 %. */
function unsearchedRope({ geometry }: RopeSpec, { problem, frozen, own }: SearchSpace) {
  return rescaledRope(geometry, frozen ?? own?.atOriginal ?? unscaledCandidate(problem));
}
