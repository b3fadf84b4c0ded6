import { candidateJson } from './candidate.js';
import type { Objective } from './objective.js';
import type { SearchOptions } from './options.js';
import type { Racing } from './racing-options.js';
import type { Json } from './types.js';

/** Everything the result depends on. A run folder is resumed with an equal one only. */
export function manifest(options: SearchOptions, racing: Racing | null): Json {
  const { problem, algorithm, seed, objective, heldOut, scoreBaselines, pull, budget, inputs } = options;
  const { starts, asItIs, ...space } = problem;
  const documents = (of: Objective) =>
    of.documents.map((name, i) => ({ name, scoredTokens: of.scoredTokens[i] as number }));
  return {
    format: 'longrope search 1',
    algorithm: algorithm.name,
    hyperparameters: algorithm.hyperparameters,
    seed,
    budget: { ...budget },
    problem: {
      ...space,
      ...(asItIs && { asItIs: candidateJson(asItIs) }),
      ...(starts && { starts: starts.map(candidateJson) }),
    },
    ...(pull !== undefined && { pull }),
    ...(racing !== null && { racing }),
    documents: documents(objective),
    heldOut: heldOut === undefined ? null : documents(heldOut),
    ...(scoreBaselines === true && { scoreBaselines }),
    inputs,
  };
}
