import { UserError } from '../errors.js';
import { ENGINES, type Intent, intentOf, type RopeSource } from '../export/engines/index.js';
import { loadModel } from '../model/index.js';
import { type ReportProgress, writeFileAtomic } from '../run/index.js';
import {
  type Agreement,
  type EngineName,
  planTransformers,
  type TableRule,
  type Tolerance,
  transformersScript,
} from '../verify/index.js';
import type { ExportRopeOptions } from './export-rope.js';
import { type EngineLine, engineLine } from './inspect.js';
import { readRopeSource } from './rope-source.js';
import { type EngineChoice, runnableEngines, scriptCases } from './verify-engines.js';
import { expectedObservations, probesOf } from './verify-expected.js';
import { requiredIntent, saysTheSame } from './verify-required.js';
import { programVersion } from './version.js';

export interface VerifyJob {
  /** A folder or a .gguf file. */
  readonly exported: string;
  /** What it has to carry, in the words of export; undefined, and `model`: what it says itself. */
  readonly rope?: ExportRopeOptions;
  readonly lengths?: readonly number[];
  /** `moby-dick` or a text. */
  readonly text: string;
  readonly engines: EngineChoice;
  /** Tokens of one step of a prefill in steps. */
  readonly chunk: number;
  /** Where to write the program that compares transformers elsewhere. */
  readonly script?: string;
  readonly onProgress?: ReportProgress;
  readonly signal?: AbortSignal;
}

/** What an engine computed, against our forward pass with the table it is expected to choose. */
export interface RunVerdict extends Agreement {
  readonly engine: string;
  readonly length: number;
  readonly context: number | null;
  readonly chunk: number | null;
  readonly table: string;
  readonly informative: boolean;
}

export interface Verification {
  readonly format: 'longrope-verification/1';
  readonly version: string;
  readonly exported: string;
  readonly originalLength: number;
  readonly maximumLength: number;
  /** Whether the file says what `rope` asks for, lengths included; null: nothing was asked for. */
  readonly carries: boolean | null;
  /** The lengths that `rope` asks for; null: nothing was asked for. */
  readonly requiredLengths: Pick<Intent, 'originalLength' | 'maximumLength'> | null;
  /** What the rules of every engine make of the file. */
  readonly tables: readonly EngineLine[];
  /** Those that ran, and up to which differences their passes count as the same. */
  readonly engines: readonly { readonly engine: string; readonly version: string; readonly tolerance: Tolerance }[];
  readonly runs: readonly RunVerdict[];
  /** Engines that were not run, and why. */
  readonly skipped: readonly { readonly engine: string; readonly reason: string }[];
  /**
   * Whether every engine that ran did what its rules say, and these are what the file, or `rope`, means; never where nothing ran
   * and nothing was asked for.
   */
  readonly passed: boolean;
}

/** Whose rules of docs/inspect.md an engine follows that runs here. */
const RULES: Readonly<Record<EngineName, string>> = { 'llama.cpp': 'llama.cpp', transformers: 'transformers v5' };

/**
 * `longrope verify`: re-reads an exported file, recomputes the tables that engines build from it, and runs those that are
 * installed. Every pass of an engine is compared with ours, with the table that the engine is expected to choose: agreement
 * proves both the file and the rule.
 */
export async function verifyExport(job: VerifyJob): Promise<Verification> {
  const { file, source } = await readRopeSource(job.exported);
  const own = intentOf(source).intent;
  if (own === undefined)
    throw new UserError('unsupported', {
      where: file,
      expected: 'a RoPE configuration with one meaning',
      found: 'one that engines read differently',
      fix: `longrope inspect ${job.exported} tells what is wrong`,
    });
  if (job.script !== undefined && source.format !== 'config')
    throw new UserError('usage', { where: '--script', expected: 'a folder that transformers loads', found: file });
  const model = await loadModel(job.exported);
  const required = job.rope === undefined ? null : await requiredIntent(job.rope, model, own);
  const intent = required ?? own;
  const lengths = verifyLengths(job.lengths, own);
  const situation = {
    exported: job.exported,
    file,
    source,
    dtypes: [...model.tensors.values()].map(({ dtype }) => dtype),
    lengths,
    originalLength: own.originalLength,
    chunk: job.chunk,
  };
  const { engines, skipped } = await runnableEngines(job.engines, situation);
  const plans = engines.map((engine) => ({ engine, passes: engine.plan(tableRule(engine.name, source)) }));
  const scripted =
    job.script === undefined
      ? []
      : planTransformers(lengths, own.originalLength, job.chunk, tableRule('transformers', source));
  const planned = plans.flatMap(({ passes }) => passes);
  const probes = await probesOf(job.text, model, lengths);

  let done = 0;
  const advance = (detail: string) => job.onProgress?.(done++, 2 * planned.length + scripted.length, detail);
  const reporting = { advance, ...(job.signal && { signal: job.signal }) };
  const expected = await expectedObservations(model, probes, [...planned, ...scripted], reporting);
  if (job.script !== undefined && scripted.length === 0)
    throw new UserError('unsupported', {
      where: '--script',
      expected: 'a folder that transformers takes',
      found: `one that it refuses; longrope inspect ${job.exported} tells why`,
    });
  if (job.script !== undefined)
    await writeFileAtomic(job.script, transformersScript(job.exported, scriptCases(scripted, probes, expected)));
  const runs: RunVerdict[] = [];
  for (const { engine, passes } of plans.filter(({ passes }) => passes.length > 0))
    for await (const { pass, agreement } of engine.run(passes, { probes, expected, ...reporting })) {
      const { expected: chosen, ...shape } = pass;
      runs.push({ ...shape, table: chosen.table, ...agreement });
    }
  const tables = ENGINES.filter(({ reads }) => reads.includes(source.format)).flatMap((engine) =>
    lengths.map((length) => engineLine(engine, { source, intent, length })),
  );
  const ruled = engines.map(({ name }) => RULES[name]);
  const exact = tables.every(({ engine, judgement }) => !ruled.includes(engine) || judgement.verdict === 'exact');
  const carries = required === null ? null : saysTheSame(own, required, lengths);
  return {
    format: 'longrope-verification/1',
    version: programVersion(),
    exported: job.exported,
    originalLength: own.originalLength,
    maximumLength: own.maximumLength,
    carries,
    requiredLengths: required && {
      originalLength: required.originalLength,
      maximumLength: required.maximumLength,
    },
    tables,
    engines: engines.map(({ name, version, tolerance }) => ({ engine: name, version, tolerance })),
    runs,
    skipped,
    passed:
      (runs.length > 0 || carries !== null) &&
      carries !== false &&
      exact &&
      runs.every(({ same, informative }) => same || informative),
  };
}

/** Around the switch, and the end. */
function verifyLengths(asked: readonly number[] | undefined, { originalLength, maximumLength }: Intent): number[] {
  const usual = [originalLength - 1, originalLength, originalLength + 1, maximumLength];
  return [...new Set(asked ?? usual)]
    .filter((length) => length <= maximumLength || asked !== undefined)
    .sort((a, b) => a - b);
}

function tableRule(engine: EngineName, source: RopeSource): TableRule {
  const rules = ENGINES.find(({ name }) => name === RULES[engine]);
  if (rules === undefined) throw new Error(`no rules of ${engine}`);
  return (length) => {
    const built = rules.build(source, length);
    if (built.outcome !== 'built') return undefined;
    const { table, inverseFrequency, attentionFactor } = built;
    return {
      table,
      rope: { inverseFrequency, attentionFactor, startTokens: 0, baseInverseFrequency: inverseFrequency },
    };
  };
}
