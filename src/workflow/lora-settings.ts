import type { Problem } from '../errors.js';
import { nearestWord } from '../search/index.js';
import { type LoraSettings, loraTensors, type Shapes } from '../training/index.js';

/** What a user sets of low-rank adaptation, named as in PEFT. */
export interface LoraOptions {
  /** Rank of the updates; default: all weights are trained. */
  readonly loraR?: number;
  /** Default: twice `loraR`. */
  readonly loraAlpha?: number;
  /** Default: the projections of attention. */
  readonly loraTargetModules?: readonly string[];
  /** Tensors whose name contains one of these words are trained whole beside the updates; default: none. */
  readonly modulesToSave?: readonly string[];
  readonly fromScratch: boolean;
}

/** As LongLoRA's, which also trains embeddings and norms whole. */
const DEFAULT_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj'];

/** null: all weights are trained. */
export function loraSettings(options: LoraOptions): LoraSettings | null {
  const { loraR: r, loraAlpha, loraTargetModules = DEFAULT_TARGETS, modulesToSave = [] } = options;
  if (r === undefined) return null;
  return { r, loraAlpha: loraAlpha ?? 2 * r, targetModules: loraTargetModules, modulesToSave };
}

/** Options without a rank, and words that mean nothing in a model of these tensors. */
export function loraProblems(options: LoraOptions, shapes: Shapes): Problem[] {
  const settings = loraSettings(options);
  if (settings === null) {
    const { loraAlpha, loraTargetModules, modulesToSave } = options;
    const given = {
      '--lora-alpha': loraAlpha,
      '--lora-target-modules': loraTargetModules,
      '--modules-to-save': modulesToSave,
    };
    return Object.entries(given).flatMap(([where, value]) =>
      value === undefined ? [] : [{ where, expected: '--lora-r, the rank of the updates', found: 'none' }],
    );
  }
  const found = options.fromScratch
    ? [{ where: '--lora-r', expected: 'trained weights, which stay as they are', found: '--from-scratch' }]
    : [];
  const modules = (names: readonly string[]) => [...new Set(names.map((name) => name.split('.').at(-2) as string))];
  const matrices = modules(loraTensors({ targetModules: ['self_attn', 'mlp'], modulesToSave: [] }, shapes).adapted);
  const unknown = (where: string, word: string, known: readonly string[]): Problem => {
    const nearest = nearestWord(word, known);
    return {
      where,
      expected: `one of ${known.join(', ')}`,
      found: `"${word}"`,
      ...(nearest !== null && { fix: `did you mean ${nearest}?` }),
    };
  };
  const wrong = [
    ...settings.targetModules
      .filter((word) => !matrices.includes(word))
      .map((word) => unknown('--lora-target-modules', word, matrices)),
    ...settings.modulesToSave
      .filter((word) => ![...shapes.keys()].some((name) => name.includes(word)))
      .map((word) => unknown('--modules-to-save', word, modules([...shapes.keys()]))),
  ];
  return [...found, ...wrong, ...vanishedTargets(options, settings, shapes)];
}

/** Targets of which nothing gets an update, as all of it is trained whole. */
function vanishedTargets(
  { loraTargetModules: given }: LoraOptions,
  { targetModules, modulesToSave }: LoraSettings,
  shapes: Shapes,
): Problem[] {
  const adapted = (modules: readonly string[], saved: readonly string[]) =>
    loraTensors({ targetModules: modules, modulesToSave: saved }, shapes).adapted.length;
  // Those that nobody has named are missed only if all are gone.
  const groups = given?.map((word) => [word]) ?? [targetModules];
  return groups.flatMap((modules): Problem[] =>
    adapted(modules, []) > 0 && adapted(modules, modulesToSave) === 0
      ? [
          {
            where: '--modules-to-save',
            expected: `words that leave something of ${modules.join(', ')} to --lora-target-modules`,
            found: modulesToSave.join(', '),
            fix: 'name each module in one of the two',
          },
        ]
      : [],
  );
}
