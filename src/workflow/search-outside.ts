import { type ReportInput, searchReport } from '../report/index.js';
import { sha256Json } from '../run/index.js';
import {
  checkRacing,
  type Objective,
  type OutsideObjective,
  PERPLEXITY_ALONE,
  type SearchProblem,
} from '../search/index.js';
import { chooseOutside } from './choose-algorithm.js';
import { heldOutPerplexities } from './held-out-perplexity.js';
import { type ModelGeometry, outsideModel } from './outside-geometry.js';
import { writeSearchArtefacts } from './search-artefacts.js';
import { comparedMethods } from './search-comparison.js';
import { notesOf } from './search-inputs.js';
import {
  baselinesOf,
  reportedSets,
  runSearchIn,
  type SearchOutcome,
  type SearchSettings,
  searchAlgorithm,
  spaceNotices,
} from './search-run.js';
import { searchSpace, startTokensNotice } from './search-space.js';
import { programVersion } from './version.js';

export interface OutsideSearchJob extends SearchSettings {
  /** config.json, its folder or a GGUF file, of which nothing but RoPE is read; or the numbers themselves. */
  readonly model: string | ModelGeometry;
  /** Opens what scores the candidates; closed at the end, however that comes. */
  readonly open: (problem: SearchProblem, signal: AbortSignal | undefined) => Promise<OutsideObjective>;
}

/**
 * A search whose losses come from elsewhere (a function, a command), from the geometry of its model to files: the run folder of
 * every search, factors, config.json where there was one, and a report with the held-out documents of the objective.
 */
export async function searchOutside(job: OutsideSearchJob): Promise<SearchOutcome> {
  const model = await outsideModel(job.model);
  const space = await searchSpace({ spec: model }, job);
  // What is wrong with the options is said before anything is started.
  if (job.algorithm !== 'auto') searchAlgorithm(job, space);
  for (const notice of spaceNotices(space, model.rope)) job.onNotice?.(notice);
  const outside = await job.open(space.problem, job.signal);
  try {
    const { objective, heldOut } = outside;
    const chosen = chooseOutside(job, objective.gradients);
    const { algorithm, partsOf } = searchAlgorithm({ ...job, algorithm: chosen.name }, space);
    if (job.racing !== undefined) checkRacing(job.racing, algorithm, objective.documents.length);
    const inexpressible = startTokensNotice(algorithm, space);
    if (inexpressible !== null) job.onNotice?.(inexpressible);
    const baselines = baselinesOf(space);
    const result = await runSearchIn(space, job, {
      algorithm,
      ...(partsOf && { partsOf }),
      objective,
      ...(heldOut && { heldOut }),
      baselines,
      scoreBaselines: true,
      inputs: {
        objective: { name: outside.name, fingerprint: outside.fingerprint ?? null, gradients: objective.gradients },
        ...(space.frozen !== null && { over: { ...space.frozen, factors: [...space.frozen.factors] } }),
        model: model.sha256,
        version: programVersion(),
      },
    });
    const methods = comparedMethods(model.rope, space);
    const named = methods.filter(({ name }) => baselines.some((baseline) => baseline.name === name));
    const { originalLength: original } = model.rope;
    const view = searchReport({
      subject: model.name,
      command: job.command,
      generatedBy: `longrope ${programVersion()}, losses from ${outside.name}`,
      inputs: inputsOf(model, outside),
      rope: model.rope,
      targetLength: job.targetLength,
      result,
      ...reportedSets({ ...job, algorithm: chosen.name }, space, baselines, named, result),
      perplexities: heldOutPerplexities(result, heldOut?.scoredTokens ?? [], { original, target: job.targetLength }),
      protocol: `As ${outside.name} scores its ${heldOut?.documents.length ?? 0} held-out documents: mean over all scored tokens; closed forms at the ratio of the target.`,
      notes: [
        ...(chosen.reason === null ? [] : [`Algorithm ${chosen.reason}.`]),
        ...notesOf(job, space, { lengths: [{ length: job.targetLength, weight: 1 }], terms: PERPLEXITY_ALONE }, result),
        `Losses were computed by ${outside.name}, not by this program.`,
      ],
    });
    return { result, view, files: await writeSearchArtefacts(job, model, result, view) };
  } finally {
    await outside.close?.();
  }
}

function inputsOf(
  { name, sha256 }: { readonly name: string; readonly sha256: string },
  { name: objectiveName, fingerprint, objective, heldOut }: OutsideObjective,
): ReportInput[] {
  const documents = ({ documents: names, scoredTokens }: Objective): ReportInput => ({
    label: 'documents',
    name: objectiveName,
    sha256: sha256Json({ fingerprint: fingerprint ?? null, names, scoredTokens }),
    detail: names.join(', '),
  });
  return [
    { label: 'geometry of the model', name, sha256 },
    { ...documents(objective), label: 'search documents' },
    ...(heldOut === undefined ? [] : [{ ...documents(heldOut), label: 'held-out documents' }]),
  ];
}
