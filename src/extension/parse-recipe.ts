import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Problem, UserError } from '../errors.js';
import { nearestWord, parseBudget, racingSettings } from '../search/index.js';
import { handoffProblems } from './handoff-keys.js';
import { idleProblems } from './idle-keys.js';
import { type Recipe, recipeSchema } from './recipe.js';
import { checkReferences } from './references.js';
import { withWarmStarts } from './warm-start.js';

/** A recipe of a hundred stages has some 20 kB. */
const MAX_CHARACTERS = 2 ** 20;

type Path = readonly PropertyKey[];

/**
 * Reads a recipe (docs/extend.md). Throws one `UserError('input')` with everything that is wrong in it, each with the line: what
 * is not YAML, unknown keys with the nearest known one, values out of range, names that mean nothing.
 */
export function parseRecipe(text: string, file: string): Recipe {
  if (text.length > MAX_CHARACTERS)
    throw new UserError('input', { where: file, expected: 'a recipe', found: `${text.length} characters` });
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const line = (offset: number | undefined) => (offset === undefined ? 1 : lines.linePos(offset).line);
  if (document.errors.length > 0)
    throw new UserError(
      'input',
      document.errors.map(({ pos, message }) => ({
        where: `${file}, line ${line(pos[0])}`,
        expected: 'YAML',
        found: message,
      })),
    );
  const at = (path: Path, isKey = false) => {
    const node = nodeAt(document.contents as Node | null, path, isKey);
    return `${file}, line ${line(node?.range?.[0])}${path.length === 0 ? '' : `, ${path.map(String).join('.')}`}`;
  };
  const json = resolved(document, file);
  const parsed = recipeSchema.safeParse(json);
  if (!parsed.success)
    throw new UserError(
      'input',
      parsed.error.issues.flatMap((issue) => problemsOf(issue, json, at)),
    );
  const problems = [
    ...checkReferences(parsed.data),
    ...checkSettings(parsed.data),
    ...handoffProblems(parsed.data, json),
    ...idleProblems(parsed.data, json),
  ].map(({ path, ...problem }): Problem => ({ ...problem, where: at(path) }));
  if (problems.length > 0) throw new UserError('input', problems);
  return withWarmStarts(parsed.data);
}

/** An alias of nothing, of too much or of what it stands in is found here first. */
function resolved(document: Document.Parsed, file: string): unknown {
  try {
    // Aliases can make a small file very large.
    const json: unknown = document.toJS({ maxAliasCount: 100 });
    JSON.stringify(json);
    return json;
  } catch (error) {
    const expected = 'YAML whose aliases name an anchor before them, and do not multiply';
    const [found] = (error as Error).message.split('\n') as [string];
    throw new UserError('input', { where: file, expected, found }, { cause: error });
  }
}

function problemsOf(issue: z.core.$ZodIssue, json: unknown, at: (path: Path, isKey?: boolean) => string): Problem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(path, json);
    return issue.keys.map((key) => {
      const nearest = nearestWord(key, known);
      return {
        where: at([...path, key], true),
        expected: `one of the keys ${known.join(', ')}`,
        found: 'an unknown key',
        ...(nearest !== null && { fix: `did you mean ${nearest}?` }),
      };
    });
  }
  const value = valueAt(json, path);
  return [
    {
      where: at(path),
      expected: issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message,
      found: value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value)).slice(0, 80),
    },
  ];
}

/** The keys of the schema at a path; for a stage those of its kind. */
function knownKeys(path: Path, json: unknown): readonly string[] {
  let schema: z.core.$ZodType | undefined = recipeSchema;
  let value = json;
  for (const key of [...path, null]) {
    schema = unwrap(schema, value);
    if (key === null || schema === undefined) break;
    const { def } = schema._zod as { readonly def: SchemaParts };
    schema = def.shape?.[String(key)] ?? def.element ?? def.valueType;
    value = valueAt(value, [key]);
  }
  return Object.keys((schema?._zod as { readonly def: SchemaParts } | undefined)?.def.shape ?? {});
}

interface SchemaParts {
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly element?: z.core.$ZodType;
  readonly valueType?: z.core.$ZodType;
  readonly innerType?: z.core.$ZodType;
  readonly discriminator?: string;
  readonly options?: readonly z.core.$ZodType[];
}

/** Through defaults and options to the object that `value` was read by. */
function unwrap(schema: z.core.$ZodType | undefined, value: unknown): z.core.$ZodType | undefined {
  const def = (schema?._zod as { readonly def: SchemaParts } | undefined)?.def;
  if (def?.innerType !== undefined) return unwrap(def.innerType, value);
  if (def?.discriminator === undefined) return schema;
  const kind = valueAt(value, [def.discriminator]);
  return def.options?.find((option) => {
    const literal = (option._zod as { readonly def: SchemaParts }).def.shape?.[def.discriminator as string];
    return (literal?._zod.values as ReadonlySet<unknown> | undefined)?.has(kind);
  });
}

function valueAt(json: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    json,
  );
}

/** The node at a path, or, where the path leads to nothing, the nearest one above it. */
function nodeAt(root: Node | null, path: Path, isKey: boolean): Node | null {
  let node = root;
  for (const [depth, key] of path.entries()) {
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key);
      const next = (isKey && isLast ? pair?.key : (pair?.value ?? pair?.key)) as Node | null | undefined;
      if (!next) return node;
      node = next;
    } else {
      const items = (node as { readonly items?: readonly Node[] } | null)?.items;
      const next = items?.[Number(key)];
      if (!next) return node;
      node = next;
    }
  }
  return node;
}

/** What the search itself reads: budgets and racing settings. */
function checkSettings(recipe: Recipe) {
  return recipe.stages.flatMap((stage, index) => {
    if (!('budget' in stage)) return [];
    const { budget, racing } = stage;
    return [
      ...located(['stages', index, 'budget'], () => parseBudget(budget)),
      ...located(['stages', index, 'racing'], () => racing && racingSettings(racing)),
    ];
  });
}

function located(path: Path, read: () => unknown) {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.problems.map((problem) => ({ ...problem, path }));
  }
}
