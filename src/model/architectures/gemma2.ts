import type { ArchitectureDeclaration } from '../architecture.js';
import type { DecoderConfig } from '../decoder-config.js';
import { layerTypeProblems, windowByLayerType } from '../layer-types.js';
import { gemmaBlock } from './gemma-block.js';

/** Local and global layers take turns. */
function slides(_config: DecoderConfig, layer: number): boolean {
  return layer % 2 === 0;
}

export const gemma2: ArchitectureDeclaration = {
  ...gemmaBlock,
  name: 'gemma2',
  modelTypes: ['gemma2'],
  defaults: { ...gemmaBlock.defaults, attn_logit_softcapping: 50, final_logit_softcapping: 30 },
  attentionSoftcap: (config) => config.attn_logit_softcapping ?? null,
  slidingWindow: windowByLayerType(slides),
  rope: { wholeHeads: true },
  problems: layerTypeProblems(slides),
};
