import type { Model } from '../../model/types.js';
import { CLASSES } from '../class-names.js';

/** What the class of a model calls its layers: transformers names them after it. */
export function layerClass({ config, spec }: Pick<Model, 'config'> & { spec: { architecture: string } }): string {
  const architectures = config['architectures'];
  const written: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const name = [written, CLASSES[spec.architecture]].find(isCausalLm);
  if (name !== undefined) return name.replace(/ForCausalLM$/, 'DecoderLayer');
  return `${spec.architecture[0]!.toUpperCase()}${spec.architecture.slice(1)}DecoderLayer`;
}

function isCausalLm(name: unknown): name is string {
  return typeof name === 'string' && name.endsWith('ForCausalLM');
}
