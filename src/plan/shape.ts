import type { DecoderSpec } from '../model/types.js';

/** What costs depend on; a decoder's weights are not needed for it. */
export type ModelShape = Pick<
  DecoderSpec,
  | 'layers'
  | 'hiddenSize'
  | 'heads'
  | 'keyValueHeads'
  | 'headDim'
  | 'intermediateSize'
  | 'vocabularySize'
  | 'tiedEmbeddings'
  | 'attentionBias'
  | 'mlpBias'
  | 'slidingWindow'
>;
