import { type Problem, UserError } from '../../errors.js';
import { nearestWord } from '../hyperparameters.js';

/** What is measured of a document: the loss of all its tokens, of a needle's answer, of the tokens that need a long context. */
export const MEASURE_NAMES = ['perplexity', 'needle', 'longppl'] as const;
export type MeasureName = (typeof MEASURE_NAMES)[number];

/** A measure and its share in the mean; shares need not sum to 1. */
export interface ObjectiveTerm {
  readonly measure: MeasureName;
  readonly weight: number;
}

export const PERPLEXITY_ALONE: readonly ObjectiveTerm[] = [{ measure: 'perplexity', weight: 1 }];

/** 'perplexity:1,needle:0.5'; a name alone weighs 1. Throws `UserError('usage')` with every problem. */
export function parseObjective(text: string): readonly ObjectiveTerm[] {
  const problems: Problem[] = [];
  const where = '--objective';
  const terms: ObjectiveTerm[] = [];
  for (const part of text.split(',')) {
    const [name = '', weight = '1', ...more] = part.split(':').map((word) => word.trim());
    const value = weight === '' || more.length > 0 ? Number.NaN : Number(weight);
    const measure = MEASURE_NAMES.find((known) => known === name);
    if (measure === undefined) {
      const nearest = nearestWord(name, MEASURE_NAMES);
      const fix = nearest === null ? {} : { fix: `did you mean ${nearest}?` };
      problems.push({ where, expected: MEASURE_NAMES.join(', '), found: JSON.stringify(name), ...fix });
    } else if (terms.some((term) => term.measure === measure))
      problems.push({ where, expected: 'every measure once', found: `${measure} twice` });
    else terms.push({ measure, weight: value });
    if (!(value > 0 && Number.isFinite(value)))
      problems.push({ where: `${where} ${name}`, expected: 'a weight above 0', found: JSON.stringify(part) });
  }
  if (problems.length > 0) throw new UserError('usage', problems);
  return terms;
}
