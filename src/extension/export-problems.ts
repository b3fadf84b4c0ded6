import type { Problem } from '../errors.js';
import { searchesStartTokens } from '../search/index.js';
import type { Recipe, Stage } from './recipe.js';
import type { LocatedProblem } from './references.js';

/** What engines cannot express: an attention factor for each list, and start tokens. */
export function exportProblems(stage: Stage, { stages }: Recipe): LocatedProblem[] {
  if (stage.stage !== 'export' && stage.stage !== 'finetune') return [];
  const expected = 'factors without start tokens, which no engine and no training has';
  const named = Object.entries(
    stage.stage === 'finetune'
      ? { factors: stage.factors, short: stage.short }
      : { factors: stage.factors, sets: stage.sets },
  );
  const withStartTokens = named.flatMap(([key, name]): LocatedProblem[] => {
    const problem = startTokensOf(name, stages);
    return problem === null ? [] : [{ where: '', path: [key], expected, ...problem }];
  });
  if (withStartTokens.length > 0 || stage.stage === 'finetune') return withStartTokens;
  const sets = stages.find(({ name }) => name === stage.sets);
  if (sets?.stage !== 'readjust' || sets.attention === 'shared') return [];
  return [
    {
      where: '',
      path: ['sets'],
      expected: 'sets that share their attention factor (attention: shared), since engines have one for both lists',
      found: `${stage.sets}, with attention: own`,
    },
  ];
}

/** Why what a stage of that name makes may have start tokens; null: it has none, or is not made by the recipe. */
function startTokensOf(name: string | undefined, stages: readonly Stage[]): Pick<Problem, 'found' | 'fix'> | null {
  const index = stages.findIndex((other) => other.name === name);
  const stage = stages[index];
  if (stage?.stage !== 'search' && stage?.stage !== 'readjust') return null;
  const { algorithm, hyperparameters } = stage;
  const { start_tokens: given, over } = stage.stage === 'search' ? stage : {};
  if (given?.some((count) => count > 0)) return { found: `${stage.name}, with start_tokens: [${given.join(', ')}]` };
  if (given === undefined && searchesStartTokens(algorithm, hyperparameters))
    return {
      found: `${stage.name}, whose algorithm ${algorithm} searches them`,
      fix: `give ${stage.name} hyperparameters: { start_tokens: 0 }`,
    };
  const made = stage.stage === 'search' ? [over] : stage.with;
  for (const earlier of made) {
    // Not those below, in which names may go round in circles.
    const problem = startTokensOf(earlier, stages.slice(0, index));
    if (problem !== null) return problem;
  }
  return null;
}
