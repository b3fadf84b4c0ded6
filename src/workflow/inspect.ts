import {
  compareWithIntent,
  ENGINES,
  type Engine,
  findTraps,
  type Intent,
  intentOf,
  type RopeSource,
  type Trap,
  type ValueOrigin,
  type Verdict,
} from '../export/engines/index.js';
import { criticalDimension, type ResolvedRope, wavelengths } from '../rope/index.js';
import { readRopeSource } from './rope-source.js';

export interface InspectedTable {
  readonly length: number;
  readonly attentionFactor: number;
  /** radians per position. */
  readonly inverseFrequency: readonly number[];
  /** tokens; null for pairs that do not turn. */
  readonly wavelength: readonly (number | null)[];
  /** base frequency / frequency: 1 = untouched; null for pairs that do not turn. */
  readonly factors: readonly (number | null)[];
}

export interface EngineLine {
  readonly engine: string;
  /** Release or commit whose source the rules were read from. */
  readonly version: string;
  readonly length: number;
  readonly table: string | null;
  readonly attentionFactor: number | null;
  /** Tokens offered without further flags. */
  readonly effectiveContext: number | null;
  readonly notes: readonly string[];
  readonly judgement: Verdict;
}

export interface Inspection {
  readonly file: string;
  readonly originalLength: number | null;
  readonly maximumLength: number | null;
  /** First pair that does not turn once within the original length. */
  readonly criticalPair: number | null;
  readonly startTokens: number;
  /** Every value of the effective RoPE and the key, tensor or rule it came from. */
  readonly values: readonly ValueOrigin[];
  readonly repairs: readonly string[];
  /** What the loader of this program says about the file. */
  readonly refusals: readonly string[];
  /** With RoPE by layer type (gemma3): that of global layers. */
  readonly tables: readonly InspectedTable[];
  /** What local layers turn by at every length, where they have RoPE of their own. */
  readonly localTable: Omit<InspectedTable, 'length'> | null;
  readonly traps: readonly Trap[];
  readonly engines: readonly EngineLine[];
}

/** What a config, folder or GGUF means, and what each engine makes of it at `lengths` (tokens). Reads no weights. */
export async function inspectModel(model: string, lengths?: readonly number[]): Promise<Inspection> {
  const { file, source } = await readRopeSource(model);
  const { intent, error } = intentOf(source);
  const asked = lengths ?? defaultLengths(intent, source);
  const isUnreadable = error?.kind === 'unsupported' && intent === undefined;
  const engines = ENGINES.filter(({ reads }) => reads.includes(source.format));
  return {
    file,
    originalLength: intent?.originalLength ?? null,
    maximumLength: intent?.maximumLength ?? null,
    criticalPair: intent === undefined ? null : criticalDimension(intent.geometry, intent.originalLength),
    startTokens: intent?.startTokens ?? 0,
    values: intent?.values ?? [],
    repairs: intent?.repairs ?? [],
    refusals: error?.message.split('\n') ?? [],
    tables: intent === undefined ? [] : asked.map((length) => tableAt(intent, length)),
    localTable: intent?.local === undefined ? null : tableOf(intent.local),
    traps: findTraps(source),
    engines: engines.flatMap((engine) =>
      asked.map((length) =>
        engineLine(engine, { source, intent, length, unreadable: isUnreadable ? error.message : null }),
      ),
    ),
  };
}

/** What one engine makes of a file at one length; `unreadable`: why nobody can tell. */
export function engineLine(
  { name, version, build }: Engine,
  at: { source: RopeSource; intent: Intent | undefined; length: number; unreadable?: string | null },
): EngineLine {
  const { source, intent, length, unreadable = null } = at;
  const built = unreadable === null ? build(source, length) : { outcome: 'unknown' as const, reason: unreadable };
  const isBuilt = built.outcome === 'built';
  return {
    engine: name,
    version,
    length,
    table: isBuilt ? built.table : null,
    attentionFactor: isBuilt ? built.attentionFactor : null,
    effectiveContext: isBuilt ? built.effectiveContext : null,
    notes: isBuilt ? built.notes : [],
    judgement: compareWithIntent(built, intent, length),
  };
}

function defaultLengths(intent: Intent | undefined, source: RopeSource): number[] {
  const written = source.format === 'gguf' ? source.contextLength : Number(source.config['max_position_embeddings']);
  const maximum = intent?.maximumLength ?? written;
  const original = intent?.originalLength ?? maximum;
  const lengths = [original - 1, original, ...(maximum > original ? [original + 1, maximum] : [])];
  return [...new Set(lengths)].filter((length) => length >= 2);
}

function tableAt(intent: Intent, length: number): InspectedTable {
  return { length, ...tableOf(intent.at(length)) };
}

function tableOf({
  inverseFrequency,
  attentionFactor,
  baseInverseFrequency,
}: ResolvedRope): Omit<InspectedTable, 'length'> {
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return {
    attentionFactor,
    inverseFrequency: [...inverseFrequency],
    wavelength: [...wavelengths(inverseFrequency)].map(finite),
    factors: [...baseInverseFrequency].map((base, pair) => finite(base / inverseFrequency[pair]!)),
  };
}
