import { decoderTensors, storedName } from '../model/decoder-tensors.js';
import { architectures } from '../model/index.js';
import type { Model, StoredTensor } from '../model/types.js';

/** A tensor as the checkpoint keeps it, fused ones whole, under its Hugging Face name. */
export interface ExportTensor {
  readonly name: string;
  readonly stored: StoredTensor;
  /** Heads of a query or key projection, whose rows turn in pairs; null for all others. */
  readonly rotaryHeads: number | null;
}

/** Every tensor of the decoder once, in the order of the decoder. */
export function exportTensors(model: Model): ExportTensor[] {
  const declaration = architectures.find(({ name }) => name === model.spec.architecture);
  if (declaration === undefined) throw new Error(`no declaration of ${model.spec.architecture}`);
  const tensors = new Map<string, ExportTensor>();
  for (const canonical of decoderTensors(model.spec).keys()) {
    const name = storedName(canonical, declaration, 'safetensors');
    const stored = model.checkpoint.tensors.get(storedName(canonical, declaration, model.checkpoint.format));
    if (stored === undefined) throw new Error(`${canonical} is not bound`);
    tensors.set(name, { name, stored, rotaryHeads: rotaryHeads(name, model) });
  }
  return [...tensors.values()];
}

function rotaryHeads(name: string, { spec }: Model): number | null {
  if (/\.self_attn\.q_proj\.(weight|bias)$/.test(name)) return spec.heads;
  return /\.self_attn\.k_proj\.(weight|bias)$/.test(name) ? spec.keyValueHeads : null;
}
