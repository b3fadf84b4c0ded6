import { trainingEngines } from '../export/index.js';
import type { Recipe } from './recipe.js';
import type { LocatedProblem } from './references.js';

/** Of a finetune stage, beside its hyper-parameters. */
const KEYS = ['mixed_windows', 'held_out'];

/**
 * What a recipe says of a training elsewhere that the trainer's files cannot carry out. Only keys that are given count: a default is what
 * happens where nothing is said, and elsewhere that is the trainer's own. `json`: the recipe as it was written.
 */
export function handoffProblems({ stages }: Recipe, json: unknown): LocatedProblem[] {
  const written = (json as { readonly stages: readonly Readonly<Record<string, unknown>>[] }).stages;
  return stages.flatMap((stage, index) => {
    if (stage.stage !== 'finetune' || stage.where === 'here') return [];
    const { takes, fixed } = trainingEngines[stage.engine].carriesOut;
    const given = written[index] as Readonly<Record<string, unknown>>;
    const hyperparameters = given['hyperparameters'] as Readonly<Record<string, unknown>>;
    return [
      ...KEYS.map((key) => ({ path: [key], value: given[key] })),
      ...Object.entries(hyperparameters).map(([key, value]) => ({ path: ['hyperparameters', key], value })),
    ].flatMap(({ path, value }): LocatedProblem[] => {
      const key = path.at(-1) as string;
      if (value === undefined || takes.includes(key) || (key in fixed && fixed[key] === value)) return [];
      return [
        {
          where: '',
          path: ['stages', index, ...path],
          expected:
            key in fixed
              ? `${fixed[key]}, as ${stage.engine} trains whatever its files say`
              : `nothing, as no file for ${stage.engine} can say it`,
          found: JSON.stringify(value),
          fix: 'leave it out, or train with where: here',
        },
      ];
    });
  });
}
