import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import type { RopeSource } from '../export/index.js';
import { resolveDecoder } from '../model/architecture.js';
import { llama } from '../model/architectures/llama.js';
import { hasSafetensors } from '../model/checkpoint/safetensors.js';
import { architectures, type DecoderSpec, loadModel, type Model } from '../model/index.js';
import { readRopeSource } from './rope-source.js';

export interface PlanInput {
  readonly file: string;
  readonly source: RopeSource;
  readonly spec: DecoderSpec;
  /** null: there are no weights, or none that this program can run. */
  readonly model: Model | null;
  readonly notes: readonly string[];
}

/** What a plan is made from: a model, or its config.json alone. Reads headers, no weights. */
export async function readPlanInput(modelPath: string): Promise<PlanInput> {
  const { file, source } = await readRopeSource(modelPath);
  if (source.format === 'gguf' || (await hasWeights(modelPath))) {
    try {
      const model = await loadModel(modelPath);
      return { file, source, spec: model.spec, model, notes: [] };
    } catch (error) {
      const isForeign = error instanceof UserError && error.kind === 'unsupported' && source.format === 'config';
      if (!isForeign) throw error;
      const notes = [`this program cannot run it: ${error.message.split('\n')[0]}`];
      return { file, source, spec: specOf(source.config, file), model: null, notes };
    }
  }
  return {
    file,
    source,
    spec: specOf(source.config, file),
    model: null,
    notes: ['config.json alone: nothing can be measured'],
  };
}

async function hasWeights(modelPath: string): Promise<boolean> {
  return (await stat(modelPath)).isDirectory() && hasSafetensors(await readdir(modelPath));
}

/** Of an unknown type: what its keys say of a block as llama's. Costs depend on widths, not on how they are put together. */
function specOf(config: Readonly<Record<string, unknown>>, file: string): DecoderSpec {
  const type = config['model_type'];
  const known = architectures.find(({ modelTypes }) => modelTypes.includes(type as string));
  const { quantization_config: _, ...plain } = config;
  const keys = known === undefined ? { ...plain, hidden_act: 'silu' } : plain;
  const { spec } = resolveDecoder(known ?? llama, keys, {
    locate: (key) => `${path.basename(file)}: ${key}`,
    rotaryPairing: 'half',
    hasOutputHead: false,
  });
  return known === undefined ? { ...spec, architecture: String(type) } : spec;
}
