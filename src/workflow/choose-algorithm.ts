import { UserError } from '../errors.js';
import type { DecoderSpec } from '../model/types.js';
import { type GradientNeed, undifferentiable } from '../runtime/index.js';
import type { SearchJob } from './search-model.js';

/** The default of `search`. */
export const AUTO = 'auto';

export interface ChosenAlgorithm {
  readonly name: string;
  /** Why, in one line; null for one that was asked for by name. */
  readonly reason: string | null;
}

export interface MemoryState {
  readonly need: GradientNeed;
  /** The algorithm of the run that has begun in the folder. */
  readonly begun: string | null;
}

const RACED: ChosenAlgorithm = {
  name: 'cma-es',
  reason: 'cma-es: --racing was asked for, which needs a population',
};

/**
 * `auto` is gradient descent where the model has gradients, runs on the CPU, as they do, and has the memory for them, and cma-es
 * elsewhere. What the memory holds changes with the hour, so a run keeps what it was begun with. Throws `UserError('usage')` for
 * hyper-parameters of auto.
 */
export function chooseAlgorithm(
  {
    algorithm: asked,
    hyperparameters,
    device = 'cpu',
    racing,
  }: Pick<SearchJob, 'algorithm' | 'hyperparameters' | 'device' | 'racing'>,
  spec: DecoderSpec,
  memory: MemoryState | null = null,
): ChosenAlgorithm {
  const named = chosenByName(asked, hyperparameters);
  if (named !== null) return named;
  if (racing !== undefined) return RACED;
  if (device !== 'cpu') return withoutGradients(`gradients are computed on the CPU, not on ${device}`);
  const missing = undifferentiable(spec);
  if (missing.length > 0) return withoutGradients(`no gradients for ${missing.join(', ')}`);
  if (memory?.need.isShort && memory.begun !== 'gradient')
    return withoutGradients(`${memory.need.words}, more than there was`);
  return memory?.begun === 'cma-es'
    ? { name: 'cma-es', reason: 'cma-es: as the run in this folder began' }
    : { name: 'gradient', reason: 'gradient: the model has gradients, which need the fewest tokens' };
}

/** At equal budget races came to the same as one document a generation (docs/search.md, Racing): the simpler way is the default. */
function withoutGradients(why: string): ChosenAlgorithm {
  return { name: 'cma-es', reason: `cma-es without racing: ${why}, and races gained nothing when measured` };
}

/** The same for losses that are computed elsewhere. */
export function chooseOutside(
  { algorithm, hyperparameters, racing }: Pick<SearchJob, 'algorithm' | 'hyperparameters' | 'racing'>,
  gradients: boolean,
): ChosenAlgorithm {
  const named = chosenByName(algorithm, hyperparameters);
  if (named !== null) return named;
  if (racing !== undefined) return RACED;
  return gradients
    ? { name: 'gradient', reason: 'gradient: the objective gives gradients, which need the fewest tokens' }
    : { name: 'cma-es', reason: 'cma-es: the objective gives losses alone, no gradients' };
}

function chosenByName(asked: string, hyperparameters: unknown): ChosenAlgorithm | null {
  if (asked !== AUTO) return { name: asked, reason: null };
  if (hyperparameters !== undefined)
    throw new UserError('usage', {
      where: '--hyper-params',
      expected: 'an --algorithm by name, whose hyper-parameters they are',
      found: `--algorithm ${AUTO}`,
    });
  return null;
}
