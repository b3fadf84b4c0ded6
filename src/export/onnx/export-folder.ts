import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  buildCausalLm,
  type CausalLmOptions,
  type ExternalBytes,
  type RotaryTensors,
  WeightTable,
} from '../../graph/index.js';
import { decoderTensors } from '../../model/index.js';
import type { FloatDtype, Model } from '../../model/types.js';
import { resolveRope } from '../../rope/frequencies.js';
import type { ResolvedRope } from '../../rope/types.js';
import { checkSpace, replaceFolder } from '../../run/index.js';
import { placeCompanions } from '../hf/companions.js';
import { configJson } from '../hf/config-json.js';
import type { PlacedFile } from '../hf/weights.js';
import { EXPORTED, type ExportProgress, ROOM } from '../progress.js';
import { type DataPart, writeDataFiles } from './data-files.js';
import { genaiConfig } from './genai-config.js';
import { tableParts, weightParts } from './parts.js';

export const ONNX_DTYPES = ['float32', 'float16'] as const;
export type OnnxDtype = (typeof ONNX_DTYPES)[number];

/** transformers.js finds a file by its type. */
const TYPES: Readonly<Record<OnnxDtype, { readonly dtype: FloatDtype; readonly file: string }>> = {
  float32: { dtype: 'F32', file: 'model.onnx' },
  float16: { dtype: 'F16', file: 'model_fp16.onnx' },
};
/** Where transformers.js looks. */
const FOLDER = 'onnx';

/** The angles of the model: one table for every length, or one up to the original length and one above. */
export type OnnxRope =
  | { readonly all: ResolvedRope }
  | { readonly short: ResolvedRope; readonly long: ResolvedRope; readonly originalLength: number };

export interface OnnxFolderOptions {
  readonly out: string;
  /** The RoPE keys are final; the rest is the model's. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly rope: OnnxRope;
  /** Rows of the longest table. */
  readonly contextLength: number;
  readonly dtype: OnnxDtype;
  readonly logits: CausalLmOptions['logits'];
  readonly maxShardBytes: number;
  readonly progress: ExportProgress;
}

/** Writes a folder that onnxruntime-genai and transformers.js load. Nothing is left at `out` when it fails. */
export async function writeOnnxFolder(model: Model, options: OnnxFolderOptions): Promise<PlacedFile[]> {
  const { out, rope, contextLength, config, progress } = options;
  const { dtype, file } = TYPES[options.dtype];
  const { localRope } = model.spec;
  const parts = [
    ...weightParts(model, dtype),
    ...ropeParts(rope, contextLength),
    ...(localRope === null
      ? []
      : tableParts('local', resolveRope(localRope.geometry, localRope.scaling, contextLength), contextLength)),
  ];
  const total = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const names: string[] = [];
  const placed: PlacedFile[] = [];
  await replaceFolder(out, { force: false, outdated: () => false, last: 'config.json' }, async (staging) => {
    const folder = path.join(staging, FOLDER);
    await mkdir(folder);
    await checkSpace(folder, total, EXPORTED, ROOM);
    const data = await writeDataFiles(folder, file, parts, {
      maxBytes: options.maxShardBytes,
      onBytes: progress.counter(total),
    });
    const graph = buildCausalLm(
      { ...model.spec, rotaryPairing: 'half' },
      weightTable(model, dtype, folder, data.placed),
      {
        tables: placedTables(rope, contextLength, data.placed),
        ...(localRope !== null && { local: placedTable('local', contextLength, data.placed) }),
        logits: options.logits,
      },
    );
    await writeFile(path.join(folder, file), graph);
    const genai = genaiConfig(model, {
      filename: `${FOLDER}/${file}`,
      contextLength,
      originalLength: 'all' in rope ? null : rope.originalLength,
    });
    // transformers.js opens as many data files as it is told.
    const told = { ...config, 'transformers.js_config': { use_external_data_format: data.files.length } };
    await writeFile(path.join(staging, 'genai_config.json'), jsonText(genai));
    await writeFile(path.join(staging, 'config.json'), configJson(told));
    placed.push(...(await placeCompanions(model, staging, config)));
    names.push('config.json', 'genai_config.json', ...[file, ...data.files].map((name) => `${FOLDER}/${name}`));
    for (const name of names) placed.push({ name, bytes: (await stat(path.join(staging, name))).size, how: 'written' });
  });
  return placed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const jsonText = (value: object) => `${JSON.stringify(value, null, 2)}\n`;

function ropeParts(rope: OnnxRope, contextLength: number): DataPart[] {
  if ('all' in rope) return tableParts('all', rope.all, contextLength);
  return [...tableParts('short', rope.short, rope.originalLength), ...tableParts('long', rope.long, contextLength)];
}

function placedTables(
  rope: OnnxRope,
  contextLength: number,
  placed: ReadonlyMap<string, ExternalBytes>,
): CausalLmOptions['tables'] {
  const table = (name: string, rows: number) => placedTable(name, rows, placed);
  if ('all' in rope) return { all: table('all', contextLength) };
  const { originalLength } = rope;
  return { short: table('short', originalLength), long: table('long', contextLength), originalLength };
}

function placedTable(name: string, rows: number, placed: ReadonlyMap<string, ExternalBytes>): RotaryTensors {
  const bytes = (what: string) => placed.get(`${name}.${what}`) as ExternalBytes;
  return { rows, cos: bytes('cos'), sin: bytes('sin') };
}

function weightTable(
  { spec }: Model,
  dtype: FloatDtype,
  folder: string,
  placed: ReadonlyMap<string, ExternalBytes>,
): WeightTable {
  return new WeightTable(
    [...decoderTensors(spec)].map(([name, shape]) => {
      const { location, offset, byteLength } = placed.get(name) as ExternalBytes;
      return { name, file: path.join(folder, location), offset, byteLength, dtype, shape };
    }),
  );
}
