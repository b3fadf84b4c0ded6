import { ggufTarget, tokenizerEntries } from '../export/index.js';
import type { Recipe, StageOf } from '../extension/index.js';
import type { Model } from '../model/index.js';
import type { Check, StageInputs } from './extend-check.js';
import { longList, plannedReach, plannedTable } from './extend-planned-table.js';

/** The short list of sets is held at the attention factor of the long one. */
export function exportChecks(stage: StageOf<'export'>, { recipe, spec, model, tokenizer }: StageInputs): Check[] {
  const { rope } = spec;
  const table: Check = async () =>
    void (await plannedTable({ factors: await longList(stage, recipe, rope) }, recipe, rope));
  const { factors } = stage;
  if (stage.to === 'hf' || factors === undefined) return [table];
  return [
    table,
    async () => void ggufTarget({ path: recipe.model, spec }, (await plannedReach(factors, recipe, rope)) ?? 0),
    ...(model !== null && tokenizer !== null && writesTokenizer(stage, recipe, model)
      ? [async () => void (await tokenizerEntries(model, recipe.tokenizer))]
      : []),
  ];
}

/** Not a GGUF file's own, which is carried over, and not what a trainer elsewhere puts beside its checkpoint, which is not there yet. */
function writesTokenizer(stage: StageOf<'export'>, { stages, tokenizer }: Recipe, { checkpoint }: Model): boolean {
  if (tokenizer !== undefined) return true;
  const trained = stages.find(({ name }) => name === stage.model);
  const here = trained === undefined || (trained.stage === 'finetune' && trained.where === 'here');
  return here && checkpoint.format !== 'gguf';
}
