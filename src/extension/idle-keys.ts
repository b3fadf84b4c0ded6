import type { Recipe } from './recipe.js';
import type { LocatedProblem } from './references.js';

/** What a recipe says of a training here that nothing would come of. `json`: the recipe as it was written, without defaults. */
export function idleProblems({ stages }: Recipe, json: unknown): LocatedProblem[] {
  const written = (json as { readonly stages: readonly Readonly<Record<string, unknown>>[] }).stages;
  return stages.flatMap((stage, index) => {
    if (stage.stage !== 'finetune' || stage.where === 'elsewhere') return [];
    const given = written[index] as Readonly<Record<string, unknown>>;
    const { muon_momentum: momentum } = given['hyperparameters'] as Readonly<Record<string, unknown>>;
    const { optim } = stage.hyperparameters;
    const problem = (path: readonly string[], expected: string, found: string): LocatedProblem => ({
      where: '',
      path: ['stages', index, ...path],
      expected,
      found,
    });
    return [
      ...['engine', 'gpus']
        .filter((key) => given[key] !== undefined)
        .map((key) => problem([key], 'where: elsewhere beside it, of which it is', 'a training here')),
      ...(momentum !== undefined && optim !== 'muon'
        ? [problem(['hyperparameters', 'muon_momentum'], 'optim: muon beside it, of which it is', optim)]
        : []),
    ];
  });
}
