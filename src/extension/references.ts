import { RULER_TASK_NAMES } from '../corpus/index.js';
import type { Problem } from '../errors.js';
import { isRopeMethod, ROPE_METHODS } from '../evaluation/index.js';
import { isClosedFormName } from '../rope/closed-form.js';
import {
  type Contradiction,
  contradictions,
  isReleased,
  MEASURE_NAMES,
  type MeasureName,
  nearestWord,
} from '../search/index.js';
import { exportProblems } from './export-problems.js';
import type { Recipe, Stage, StageOf } from './recipe.js';

export type ArtefactKind = 'model' | 'texts' | 'factors' | 'sets' | 'results' | 'export';

/** The model that a recipe begins with. */
export const BASE = 'base';

/** What a stage makes, under its own name. */
export function artefactOf({ stage }: Stage): ArtefactKind {
  return ({ search: 'factors', finetune: 'model', readjust: 'sets', evaluate: 'results', export: 'export' } as const)[
    stage
  ];
}

/** A name in a stage: where it stands, and what may stand there. */
export interface Reference {
  /** Keys below the stage. */
  readonly path: readonly (string | number)[];
  readonly name: string;
  readonly kinds: readonly ArtefactKind[];
}

/** What a finetune stage may train with in place of factors. */
export function isClosedForm(text: string): boolean {
  const [, form] = /^([\w-]+):[\d.]+(?:@.+)?$/.exec(text) ?? [];
  return isClosedFormName(form);
}

export function referencesOf(stage: Stage): Reference[] {
  const references: Reference[] = [{ path: ['model'], name: stage.model, kinds: ['model'] }];
  const add = (path: readonly (string | number)[], name: string | undefined, ...kinds: ArtefactKind[]) => {
    if (name !== undefined) references.push({ path, name, kinds });
  };
  const all = (key: string, names: readonly string[] | undefined, ...kinds: ArtefactKind[]) =>
    names?.forEach((name, i) => {
      add([key, i], name, ...kinds);
    });
  if ('texts' in stage) add(['texts'], stage.texts, 'texts');
  if ('held_out' in stage) add(['held_out'], stage.held_out, 'texts');
  if ('judge' in stage) add(['judge'], stage.judge, 'model');
  switch (stage.stage) {
    case 'search':
      add(['over'], stage.over, 'factors');
      all('start', stage.start, 'factors');
      break;
    case 'finetune':
      if (!isClosedForm(stage.factors)) add(['factors'], stage.factors, 'factors');
      add(['short'], stage.short, 'factors');
      break;
    case 'readjust':
      all('with', stage.with, 'factors');
      all('start', stage.start, 'factors');
      break;
    case 'evaluate':
      stage.rope.forEach((rope, i) => {
        if (!isRopeMethod(rope)) add(['rope', i], rope, 'factors', 'sets');
      });
      add(['perplexity', 'texts'], stage.perplexity?.texts, 'texts');
      break;
    case 'export':
      add(['factors'], stage.factors, 'factors');
      add(['sets'], stage.sets, 'sets');
  }
  return references;
}

export interface LocatedProblem extends Problem {
  readonly path: readonly (string | number)[];
}

/** Every name that is given twice, or means nothing, something later, or another kind of thing; and keys that do not go together. */
export function checkReferences(recipe: Recipe): LocatedProblem[] {
  const problems: LocatedProblem[] = [];
  const known = new Map<string, ArtefactKind>([[BASE, 'model']]);
  const texts = new Map(Object.keys(recipe.texts).map((name) => [name, 'texts' as const]));
  const declare = (name: string, kind: ArtefactKind, path: readonly (string | number)[]) => {
    const taken = known.has(name) ? 'a name that is taken' : isRopeMethod(name) ? 'the name of a method' : null;
    if (taken !== null) problems.push({ where: '', path, expected: 'a name of its own', found: `${name}, ${taken}` });
    known.set(name, kind);
  };
  for (const name of Object.keys(recipe.factors)) declare(name, 'factors', ['factors', name]);
  recipe.stages.forEach((stage, index) => {
    const at = (path: readonly (string | number)[]) => ['stages', index, ...path];
    for (const { path, name, kinds } of referencesOf(stage)) {
      // Texts have names of their own, so that a text and a stage may be called alike.
      const scope: ReadonlyMap<string, ArtefactKind> = kinds.includes('texts') ? texts : known;
      const kind = scope.get(name);
      if (kind !== undefined && kinds.includes(kind)) continue;
      const candidates = [...scope].filter(([, of]) => kinds.includes(of)).map(([candidate]) => candidate);
      const methods = path[0] === 'rope' ? [...ROPE_METHODS] : [];
      const nearest = nearestWord(name, [...candidates, ...methods]);
      problems.push({
        where: '',
        path: at(path),
        expected: `${kinds.join(' or ')} of ${kinds.includes('texts') ? 'the recipe' : 'an earlier stage'} (${candidates.join(', ') || 'there are none'})${path[0] === 'rope' ? ` or a method (${ROPE_METHODS.join(', ')})` : ''}`,
        found: kind === undefined ? `"${name}"` : `"${name}", which is ${kind}`,
        ...(nearest !== null && { fix: `did you mean "${nearest}"?` }),
      });
    }
    const wrong = [...stageProblems(stage), ...textProblems(stage, recipe), ...exportProblems(stage, recipe)];
    problems.push(...wrong.map((problem) => ({ ...problem, path: at(problem.path) })));
    declare(stage.name, artefactOf(stage), at(['name']));
  });
  return problems;
}

function stageProblems(stage: Stage): LocatedProblem[] {
  const problems: LocatedProblem[] = [];
  const add = (path: readonly (string | number)[], expected: string, found: string) =>
    problems.push({ where: '', path, expected, found });
  switch (stage.stage) {
    case 'search': {
      const { lengths, length_weights: weights } = stage;
      if (weights !== undefined && weights.length !== lengths?.length)
        add(['length_weights'], `one for each of the ${lengths?.length ?? 0} lengths`, `${weights.length}`);
      if (stage.start_tokens && isReleased(stage.algorithm))
        add(['start_tokens'], 'an algorithm that has start tokens, which the released ones have not', stage.algorithm);
      if (stage.start?.length && isReleased(stage.algorithm))
        add(['start'], 'an algorithm that starts from given factors, which the released ones do not', stage.algorithm);
      problems.push(...searchProblems(stage));
      break;
    }
    case 'finetune': {
      const { count_skipped: counts, position_skipping: window } = stage.hyperparameters;
      if (counts && window === undefined)
        add(['hyperparameters', 'count_skipped'], 'position_skipping beside it, which skips something', 'none');
      break;
    }
    case 'readjust':
      if (isReleased(stage.algorithm))
        add(['algorithm'], 'an algorithm that takes a largest factor, which the released ones do not', stage.algorithm);
      if (stage.attention === 'shared' && stage.hyperparameters?.['attention_factor'] !== undefined)
        add(
          ['hyperparameters', 'attention_factor'],
          'attention: own beside it, as shared is that of the longest set',
          'attention: shared',
        );
      problems.push(...searchProblems(stage));
      break;
    case 'evaluate':
      if (new Set(stage.rope).size < stage.rope.length) add(['rope'], 'every name and method once', 'one twice');
      if (stage.perplexity === undefined && stage.passkey === undefined && stage.ruler === undefined)
        add([], 'perplexity, passkey or ruler', 'none of them');
      for (const [i, task] of (stage.ruler?.tasks ?? []).entries())
        if (!RULER_TASK_NAMES.includes(task)) add(['ruler', 'tasks', i], `one of ${RULER_TASK_NAMES.join(', ')}`, task);
      break;
    case 'export':
      if ((stage.factors === undefined) === (stage.sets === undefined))
        add([], 'one of factors and sets', stage.sets === undefined ? 'neither' : 'both');
      if (stage.to === 'gguf' && stage.sets !== undefined)
        add(['sets'], 'factors, since a GGUF holds no side file', 'sets');
  }
  return problems;
}

const KEYS: { readonly [option in Contradiction['option']]: string } = {
  lengths: 'lengths',
  needleDepths: 'needle_depths',
  judge: 'judge',
  shortLimit: 'short_limit',
};

function searchProblems(stage: StageOf<'search'> | StageOf<'readjust'>): LocatedProblem[] {
  const { objective, needle_depths: needleDepths, judge, racing, algorithm } = stage;
  const problems: LocatedProblem[] = [];
  const add = (key: string, expected: string, found: string) =>
    problems.push({ where: '', path: [key], expected, found });
  if (objective !== undefined && Object.keys(objective).length === 0)
    add('objective', `at least one of ${MEASURE_NAMES.join(', ')}`, 'none');
  if (racing !== undefined && algorithm === 'gradient')
    add('racing', 'an algorithm that compares a population', algorithm);
  const {
    target: targetLength,
    lengths,
    short_limit: shortLimit,
  } = stage.stage === 'search' ? stage : { target: Math.max(...stage.lengths) };
  const measures = objective && (Object.keys(objective) as MeasureName[]);
  for (const { option, expected, found } of contradictions({
    targetLength,
    lengths,
    measures,
    needleDepths,
    judge,
    shortLimit,
    racing,
  }))
    add(KEYS[option], expected, found);
  return problems;
}

/** Searches and evaluations need to be told how many documents; fine-tuning reads whole texts. */
function textProblems(stage: Stage, { texts }: Recipe): LocatedProblem[] {
  return referencesOf(stage).flatMap(({ path, name, kinds }) => {
    const text = texts[name];
    if (!kinds.includes('texts') || text === undefined) return [];
    const isWhole = stage.stage === 'finetune';
    if (isWhole && (text.samples !== undefined || text.skip_characters > 0)) {
      const found = `${name}, with samples or skip_characters`;
      return [
        { where: '', path, expected: 'a text that is read whole', found, fix: 'name its paths once more without them' },
      ];
    }
    if (isWhole || text.samples !== undefined) return [];
    return [{ where: '', path, expected: 'a text with samples, how many documents', found: `${name}, without` }];
  });
}
