import { RULER_TASK_NAMES } from '../corpus/index.js';
import { FORWARD_PASSES, LORA_PASSES, type Passes, TRAINING_PASSES, type Work } from '../plan/index.js';
import { CLOSED_FORMS } from '../rope/closed-form.js';
import { parseBudget } from '../search/index.js';
import type { Recipe, Stage, StageOf } from './recipe.js';

/** What a stage will compute. */
export interface StageWork {
  readonly work: readonly Work[];
  /** What is done with each sequence. */
  readonly passes: Passes;
  /** Sequences that are read forward beside that: held-out texts of a fine-tuning. */
  readonly measured: readonly Work[];
  /** Of a search whose budget is a time. */
  readonly seconds: number;
}

/** What a recipe alone does not tell. */
export interface KnownOfWork {
  readonly originalLength: number;
  /** How many documents a fine-tuning measures. */
  readonly heldOutDocuments: (stage: StageOf<'finetune'>) => number;
}

/** Candidates that are scored on held-out documents: the winner and what it is compared with. */
const HELD_OUT_CANDIDATES = 1 + CLOSED_FORMS.length;

/** In sequences of each length. Short answers of passkey rows are left out, as is what an export copies. */
export function stageWork(stage: Stage, { texts }: Recipe, known: KnownOfWork): StageWork {
  const samples = (name: string) => texts[name]?.samples ?? 0;
  const forward = (work: readonly Work[], seconds = 0): StageWork => ({
    work,
    passes: FORWARD_PASSES,
    measured: [],
    seconds,
  });
  switch (stage.stage) {
    case 'search': {
      const { work, seconds } = searchWork(stage, stage.lengths ?? [stage.target]);
      const heldOut =
        stage.held_out === undefined
          ? []
          : [{ length: stage.target, sequences: HELD_OUT_CANDIDATES * samples(stage.held_out) }];
      return forward([...work, ...heldOut], seconds);
    }
    case 'readjust': {
      const each = stage.lengths.map((length) => searchWork(stage, [length]));
      return forward(
        each.flatMap(({ work }) => work),
        each.reduce((sum, { seconds }) => sum + seconds, 0),
      );
    }
    case 'finetune': {
      const { hyperparameters: hp } = stage;
      const sequences = hp.max_steps * hp.per_device_train_batch_size * hp.gradient_accumulation_steps;
      const passes = hp.lora_r === undefined ? TRAINING_PASSES : LORA_PASSES;
      const measured = measuredWork(stage, known);
      return { work: [{ length: hp.max_seq_length, sequences }], passes, measured, seconds: 0 };
    }
    case 'evaluate': {
      const { rope, perplexity, passkey, ruler } = stage;
      const at = (lengths: readonly number[], each: number) =>
        lengths.map((length) => ({ length, sequences: rope.length * each }));
      return forward([
        ...(perplexity === undefined ? [] : at(perplexity.lengths, samples(perplexity.texts))),
        ...(passkey === undefined ? [] : at(passkey.lengths, passkey.trials)),
        ...(ruler === undefined
          ? []
          : at(ruler.lengths, ruler.samples * (ruler.tasks?.length ?? RULER_TASK_NAMES.length))),
      ]);
    }
    case 'export':
      return forward([]);
  }
}

/** Before the first step, every `eval_steps`, and after the last. A trainer elsewhere measures nothing. */
function measuredWork(stage: StageOf<'finetune'>, { originalLength, heldOutDocuments }: KnownOfWork): Work[] {
  if (stage.held_out === undefined || stage.where === 'elsewhere') return [];
  const {
    max_steps: steps,
    max_seq_length: rowTokens,
    eval_steps: every,
    eval_lengths: lengths,
  } = stage.hyperparameters;
  const between = every === undefined ? 0 : Math.ceil(steps / every) - 1;
  const sequences = (2 + between) * heldOutDocuments(stage);
  const all = lengths ?? new Set([Math.min(originalLength, rowTokens), rowTokens]);
  return [...all].map((length) => ({ length, sequences }));
}

function searchWork(
  { budget, objective = { perplexity: 1 } }: Pick<StageOf<'search'>, 'budget' | 'objective'>,
  lengths: readonly number[],
): { readonly work: Work[]; readonly seconds: number } {
  const { unit, amount } = parseBudget(budget);
  if (unit === 'seconds') return { work: [], seconds: amount };
  // A document is read once at the longest length, and once more at each with a needle in it; what the short limit reads is little beside it.
  const { needle, ...others } = objective;
  const rows = [
    ...(Object.keys(others).length > 0 ? [Math.max(...lengths)] : []),
    ...(needle === undefined ? [] : lengths),
  ];
  const tokens = rows.reduce((sum, length) => sum + length, 0);
  const evaluations = unit === 'documents' ? amount : Math.floor(amount / tokens);
  return { work: rows.map((length) => ({ length, sequences: evaluations })), seconds: 0 };
}
