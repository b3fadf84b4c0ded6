import type { NormPlacement } from '../types.js';

/** Names outside the blocks. */
const GLOBAL: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};

/** Modules of a block (gguf-py/gguf/tensor_mapping.py), the fused ones of phi3 included. */
const MODULES: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.gate_up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

/** Where a block normalises what comes out of attention and MLP: the name that llama's block has for another norm. */
const MODULES_AFTER: Readonly<Record<string, string>> = {
  ...MODULES,
  post_attention_layernorm: 'post_attention_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
};

/** The GGUF name of a tensor with a Hugging Face name; `placement`: of the norms in its block. */
export function ggufTensorName(name: string, placement: NormPlacement = 'before'): string {
  const modules = placement === 'before' ? MODULES : MODULES_AFTER;
  const [, layer, module = '', kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  const known = layer === undefined ? GLOBAL[name] : modules[module] && `blk.${layer}.${modules[module]}.${kind}`;
  if (known === undefined) throw new Error(`${name} has no GGUF name`);
  return known;
}
