import {
  compareWithIntent,
  ENGINES,
  findTraps,
  type Intent,
  intentOf,
  type RopeSource,
  type Trap,
  type Verdict,
} from '../export/index.js';
import { criticalDimension, wavelengths } from '../rope/index.js';
import { readRopeSource } from './rope-source.js';

export interface InspectedTable {
  readonly length: number;
  readonly attentionFactor: number;
  /** radians per position. */
  readonly inverseFrequency: readonly number[];
  /** tokens. */
  readonly wavelength: readonly number[];
  /** base frequency / frequency: 1 = untouched. */
  readonly factors: readonly number[];
}

export interface EngineLine {
  readonly engine: string;
  readonly length: number;
  readonly table: string | null;
  readonly attentionFactor: number | null;
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
  readonly repairs: readonly string[];
  /** What the loader of this program says about the file. */
  readonly refusals: readonly string[];
  readonly tables: readonly InspectedTable[];
  readonly traps: readonly Trap[];
  readonly engines: readonly EngineLine[];
}

/** What a config, folder or GGUF means, and what each engine makes of it at `lengths` (tokens). Reads no weights. */
export async function inspectModel(model: string, lengths?: readonly number[]): Promise<Inspection> {
  const { file, source } = await readRopeSource(model);
  const { intent, error } = intentOf(source);
  const asked = lengths ?? defaultLengths(intent, source);
  return {
    file,
    originalLength: intent?.originalLength ?? null,
    maximumLength: intent?.maximumLength ?? null,
    criticalPair: intent === undefined ? null : criticalPair(intent, source),
    repairs: intent?.repairs ?? [],
    refusals: error?.message.split('\n') ?? [],
    tables: intent === undefined ? [] : asked.map((length) => tableAt(intent, length)),
    traps: findTraps(source),
    engines: ENGINES.filter(({ reads }) => reads.includes(source.format)).flatMap((engine) =>
      asked.map((length): EngineLine => {
        const built =
          error?.kind === 'unsupported' && intent === undefined
            ? { outcome: 'unknown' as const, reason: error.message }
            : engine.build(source, length);
        const isBuilt = built.outcome === 'built';
        return {
          engine: engine.name,
          length,
          table: isBuilt ? built.table : null,
          attentionFactor: isBuilt ? built.attentionFactor : null,
          effectiveContext: isBuilt ? built.effectiveContext : null,
          notes: isBuilt ? built.notes : [],
          judgement: compareWithIntent(built, intent?.at(length), length),
        };
      }),
    ),
  };
}

function defaultLengths(intent: Intent | undefined, source: RopeSource): number[] {
  const written = source.format === 'gguf' ? source.contextLength : Number(source.config['max_position_embeddings']);
  const maximum = intent?.maximumLength ?? written;
  const original = intent?.originalLength ?? maximum;
  const lengths = [original - 1, original, ...(maximum > original ? [original + 1, maximum] : [])];
  return [...new Set(lengths)].filter((length) => length >= 2);
}

function criticalPair({ originalLength, spec }: Intent, source: RopeSource): number | null {
  const geometry = source.format === 'gguf' ? source : spec?.geometry;
  return geometry === undefined ? null : criticalDimension(geometry, originalLength);
}

function tableAt(intent: Intent, length: number): InspectedTable {
  const { inverseFrequency, attentionFactor, baseInverseFrequency } = intent.at(length);
  return {
    length,
    attentionFactor,
    inverseFrequency: [...inverseFrequency],
    wavelength: [...wavelengths(inverseFrequency)],
    factors: [...baseInverseFrequency].map((base, pair) => base / inverseFrequency[pair]!),
  };
}
