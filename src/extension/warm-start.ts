import { isReleased } from '../search/index.js';
import type { Recipe, Stage } from './recipe.js';

/**
 * Gives every search that does not say where it starts the factors of an earlier one: on the same model, over the same frozen set
 * if any, for the longest target that is shorter than its own; else the frozen set itself. Stretched, they are nearer than any
 * closed form. The released algorithms take no start.
 */
export function withWarmStarts(recipe: Recipe): Recipe {
  return { ...recipe, stages: recipe.stages.map((stage, i) => withWarmStart(stage, recipe.stages.slice(0, i))) };
}

function withWarmStart(stage: Stage, before: readonly Stage[]): Stage {
  if (stage.stage !== 'search' || stage.start !== undefined || isReleased(stage.algorithm)) return stage;
  const shorter = before
    .filter((earlier) => earlier.stage === 'search')
    .filter(({ model, over, target }) => model === stage.model && over === stage.over && target < stage.target);
  const longest = Math.max(...shorter.map(({ target }) => target));
  const first = shorter.find(({ target }) => target === longest);
  const start = first?.name ?? stage.over;
  return start === undefined ? stage : { ...stage, start: [start] };
}
