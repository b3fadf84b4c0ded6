import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TrainingRow, writeDataset } from '../../corpus/index.js';
import type { Model } from '../../model/types.js';
import { replaceFolder } from '../../run/index.js';
import { configWithLongrope } from '../hf/config.js';
import { type HfDtype, writeHfFolder } from '../hf/export-folder.js';
import type { WeightMode } from '../hf/weights.js';
import type { ExportProgress } from '../progress.js';
import type { TrainingEngine, TrainingEngineName, TrainingPlan } from './engine.js';
import { HANDOFF_NAME, handoffJson } from './handoff-file.js';
import { readme } from './readme.js';

export interface TrainingFolderOptions {
  readonly out: string;
  readonly name: TrainingEngineName;
  readonly engine: TrainingEngine;
  readonly plan: TrainingPlan;
  readonly rows: readonly TrainingRow[];
  readonly tokenizerHash: string;
  /** Another one than the model's own. */
  readonly tokenizer?: string;
  readonly weights: Exclude<WeightMode, 'none'>;
  readonly dtype?: HfDtype;
  readonly maxShardBytes?: number;
  readonly progress: ExportProgress;
}

/** Writes a hand-off folder and returns its entries; nothing is left at `out` when it fails. */
export async function writeTrainingFolder(model: Model, options: TrainingFolderOptions): Promise<string[]> {
  const { out, name, engine, plan, rows } = options;
  const { table, spec } = plan;
  const trainedWith = engine.lists === 'long' ? { ...table, short: table.long } : table;
  const texts = new Map(engine.files(plan));
  texts.set('README.md', readme(name, engine, plan, path.basename(path.resolve(model.path))));
  texts.set(
    HANDOFF_NAME,
    handoffJson({
      engine: name,
      modelType: String(model.config['model_type']),
      geometry: spec.rope.geometry,
      layers: spec.layers,
      hiddenSize: spec.hiddenSize,
      table,
      lists: engine.lists,
    }),
  );
  await replaceFolder(out, { force: false, outdated: () => false, last: HANDOFF_NAME }, async (staging) => {
    await writeHfFolder(model, {
      out: path.join(staging, 'model'),
      force: false,
      config: configWithLongrope(model.config, spec.rope.geometry, trainedWith),
      weights: options.weights,
      ...(options.dtype !== undefined && { dtype: options.dtype }),
      ...(options.maxShardBytes !== undefined && { maxShardBytes: options.maxShardBytes }),
      ...(options.tokenizer !== undefined && { tokenizer: options.tokenizer }),
      extra: new Map(),
      progress: options.progress,
    });
    await mkdir(path.join(staging, 'data'));
    await writeDataset(
      path.join(staging, 'data'),
      each(rows),
      { tokenizerHash: options.tokenizerHash },
      engine.columns,
    );
    for (const [file, text] of texts) await writeFile(path.join(staging, file), text);
  });
  return ['model/', 'data/', ...[...texts.keys()].sort()];
}

async function* each(rows: readonly TrainingRow[]): AsyncGenerator<TrainingRow> {
  yield* rows;
}
