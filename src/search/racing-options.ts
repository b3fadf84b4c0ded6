import { type Problem, UserError } from '../errors.js';
import { type HyperparameterValues, integer, numberOr, parseHyperparameters, real, word } from './hyperparameters.js';
import type { SearchAlgorithm } from './types.js';

const SETTINGS = {
  /** Documents between two looks at who falls behind. */
  block: integer(2, 1),
  /** Chance, at most, that the best candidate of a generation is dropped by the test. */
  level: real(0.05, 0, 0.5),
  test: word<'t' | 'wilcoxon'>('t', ['t', 'wilcoxon']),
  /** Nats per token behind the best at which a candidate is dropped without a test. */
  cap: numberOr<'none'>(0.25, ['none']),
  /** Documents of a race, in turn; in the place of the algorithm's own number. */
  documents: numberOr<'all'>('all', ['all'], integer(2, 2)),
};

/** Documents below which only the cap drops. */
export const LEAST_TESTED = 3;

/** How candidates of a generation race (docs/search.md). */
export type Racing = HyperparameterValues<typeof SETTINGS>;

/** Fills in defaults. Throws `UserError('usage')` with every unknown setting and every value out of range. */
export function racingSettings(input: unknown): Racing {
  try {
    return parseHyperparameters(SETTINGS, input, 'racing');
  } catch (error) {
    throw error instanceof UserError ? new UserError('usage', error.problems) : error;
  }
}

/** Reads `block=2,level=0.05,test=wilcoxon,cap=none`; an empty text is all defaults. Throws `UserError('usage')`. */
export function parseRacing(text: string): Racing {
  const given: Record<string, number | string> = {};
  const problems: Problem[] = [];
  for (const part of text.split(',').filter((setting) => setting.trim() !== '')) {
    const [, key = '', value = ''] = /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (key === '' || value === '') {
      const expected = 'settings such as block=2,level=0.05,test=t,cap=0.25';
      problems.push({ where: 'racing', expected, found: JSON.stringify(part) });
    } else if (Object.hasOwn(given, key)) {
      problems.push({ where: 'racing', expected: `${key} once`, found: 'twice' });
    } else given[key] = Number.isNaN(Number(value)) ? value : Number(value);
  }
  if (problems.length > 0) throw new UserError('usage', problems);
  return racingSettings(given);
}

/**
 * Throws `UserError('usage')` with every reason why these settings cannot do anything with this algorithm on so many documents:
 * gradient descents have no population to race.
 */
export function checkRacing(racing: Racing, algorithm: SearchAlgorithm, available: number): void {
  // Of a lone candidate there is nothing to drop; a number that is not known forbids nothing.
  const { name, wantsGradients, comparesAcrossGenerations, generationSize = 2 } = algorithm;
  const rivals = Math.max(1, generationSize - 1);
  const problems: Problem[] = [];
  if (wantsGradients !== undefined) {
    problems.push({
      where: 'racing',
      expected: 'an algorithm that compares a population',
      found: `${name}, whose steps each need a whole gradient`,
      fix: 'leave racing out, or search with cma-es',
    });
  }
  const count = racing.documents === 'all' ? available : racing.documents;
  if (count > available)
    problems.push({ where: 'racing, documents', expected: `at most ${available}`, found: `${count}` });
  if (count < available && comparesAcrossGenerations) {
    const expected = `all for ${name}, whose parents keep their loss`;
    problems.push({ where: 'racing, documents', expected, found: `${count} of ${available}` });
  }
  const looks = countLooks(count, racing.block);
  const lastLook = racing.block * (Math.ceil(count / racing.block) - 1);
  if (lastLook === 0) {
    problems.push({
      where: 'racing, block',
      expected: `fewer documents than those of a race, ${count}`,
      found: `${racing.block}`,
      fix: 'search on more documents (--samples), or leave racing out',
    });
  } else if (racing.test === 'wilcoxon' && (looks === 0 || 2 ** -lastLook > racing.level / (looks * rivals))) {
    problems.push({
      where: 'racing, test',
      expected: `t, as ranks of ${lastLook} documents cannot be as rare as the level ${racing.level}, shared among ${looks} looks and ${rivals} rivals`,
      found: 'wilcoxon',
      fix: 'search on more documents (--samples), or test=t',
    });
  }
  if (looks === 0 && racing.cap === 'none')
    problems.push({
      where: 'racing, cap',
      expected: 'a cap where fewer than three documents are looked at',
      found: 'none',
    });
  if (problems.length > 0) throw new UserError('usage', problems);
}

/**
 * Looks at which the test is made: after each block but the last, from three documents on. On two Student's t would have to
 * be above 100 at the levels that the correction leaves, so looking there would only cost later looks their level.
 */
export function countLooks(documents: number, block: number): number {
  let looks = 0;
  for (let seen = block; seen < documents; seen += block) if (seen >= LEAST_TESTED) looks++;
  return looks;
}
