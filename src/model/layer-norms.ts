import type { NormPlacement } from './types.js';

/** Modules of the norms of one block, below `model.layers.N`; null = there is none at this place. */
export interface LayerNorms {
  readonly beforeAttention: string | null;
  readonly afterAttention: string | null;
  readonly beforeMlp: string | null;
  readonly afterMlp: string | null;
}

/** `post_attention_layernorm` is the norm before the MLP in llama's block and the one after attention in the others. */
const NORMS: Readonly<Record<NormPlacement, LayerNorms>> = {
  before: {
    beforeAttention: 'input_layernorm',
    afterAttention: null,
    beforeMlp: 'post_attention_layernorm',
    afterMlp: null,
  },
  after: {
    beforeAttention: null,
    afterAttention: 'post_attention_layernorm',
    beforeMlp: null,
    afterMlp: 'post_feedforward_layernorm',
  },
  both: {
    beforeAttention: 'input_layernorm',
    afterAttention: 'post_attention_layernorm',
    beforeMlp: 'pre_feedforward_layernorm',
    afterMlp: 'post_feedforward_layernorm',
  },
};

export function layerNorms(placement: NormPlacement): LayerNorms {
  return NORMS[placement];
}
