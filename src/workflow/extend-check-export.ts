import type { StageOf } from '../extension/index.js';
import type { Check, StageInputs } from './extend-check.js';
import { longList, plannedTable } from './extend-planned-table.js';

/** The short list of sets is held at the attention factor of the long one. */
export function exportChecks(stage: StageOf<'export'>, { recipe, spec: { rope } }: StageInputs): Check[] {
  return [async () => void (await plannedTable({ factors: await longList(stage, recipe, rope) }, recipe, rope))];
}
