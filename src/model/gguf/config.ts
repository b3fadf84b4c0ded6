import { type Problem, UserError } from '../../errors.js';
import type { ArchitectureDeclaration } from '../architecture.js';
import { READABLE_DTYPES } from '../checkpoint/layouts.js';
import { describeValue } from '../describe.js';
import { CONFIG_KEYS, type GgufCheckpoint, type GgufKeys, shortestFloat32 } from './keys.js';
import { ggufRopeConfig } from './rope-config.js';

/** Keys that change what the decoder computes in a way that no config key of the llama family expresses. */
const INEXPRESSIBLE = [
  'expert_count',
  'attention.scale',
  'attention.clamp_kqv',
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'embedding_scale',
  'residual_scale',
  'logit_scale',
];

/**
 * The metadata as a record with the keys of a Hugging Face `config.json`, so that both formats share all code that follows,
 * and a config.json can be written from it. Values are checked by that code; what cannot be said in such a config is refused.
 */
export async function ggufConfig(
  checkpoint: GgufCheckpoint,
  keys: GgufKeys,
  declaration: ArchitectureDeclaration,
): Promise<Record<string, unknown>> {
  refuseInexpressible(keys, checkpoint, declaration);
  const config: Record<string, unknown> = { model_type: declaration.modelTypes[0], hidden_act: 'silu' };
  for (const [name, key] of Object.entries(CONFIG_KEYS)) {
    const value = keys.get(key);
    if (value !== undefined) config[name] = typeof value === 'number' ? shortestFloat32(value) : value;
  }
  // 0 stands for "no window".
  if (config['sliding_window'] === 0) config['sliding_window'] = null;
  config['num_key_value_heads'] ??= config['num_attention_heads'];
  config['vocab_size'] ??= embeddingRows(checkpoint);
  config['tie_word_embeddings'] = !hasTensor(checkpoint, 'output.weight');
  config['attention_bias'] = hasTensor(checkpoint, 'blk.0.attn_q.bias');
  config['mlp_bias'] = hasTensor(checkpoint, 'blk.0.ffn_up.bias');
  for (const [name, key] of [
    ['bos_token_id', 'tokenizer.ggml.bos_token_id'],
    ['eos_token_id', 'tokenizer.ggml.eos_token_id'],
  ] as const) {
    const id = checkpoint.metadata.get(key);
    if (id !== undefined) config[name] = id;
  }
  return { ...config, ...(await ggufRopeConfig(checkpoint, keys)) };
}

function embeddingRows({ tensors, unreadable, files }: GgufCheckpoint): number | undefined {
  const dtype = unreadable.get('token_embd.weight');
  if (dtype !== undefined)
    throw new UserError('unsupported', {
      where: `${files[0]}: token_embd.weight`,
      expected: `one of ${READABLE_DTYPES.join(', ')}`,
      found: dtype,
    });
  return tensors.get('token_embd.weight')?.shape[0];
}

function hasTensor(checkpoint: GgufCheckpoint, name: string): boolean {
  return checkpoint.tensors.has(name) || checkpoint.unreadable.has(name);
}

function refuseInexpressible(keys: GgufKeys, checkpoint: GgufCheckpoint, declaration: ArchitectureDeclaration): void {
  const problems: Problem[] = INEXPRESSIBLE.filter((key) => keys.get(key)).map((key) => ({
    where: keys.locate(key),
    expected: 'nothing or 0',
    found: describeValue(keys.get(key)),
  }));
  // Olmo 3 goes by the name olmo2 there, and differs by a pattern of windows.
  if (declaration.slidingWindow === undefined && keys.get('attention.sliding_window'))
    problems.push({
      where: keys.locate('attention.sliding_window'),
      expected: `nothing or 0 in a file of ${keys.architecture}`,
      found: describeValue(keys.get('attention.sliding_window')),
    });
  if (keys.get('attention.causal') === false)
    problems.push({ where: keys.locate('attention.causal'), expected: 'true', found: 'false' });
  const keyLength = keys.get('attention.key_length');
  const valueLength = keys.get('attention.value_length');
  if (valueLength !== undefined && keyLength !== undefined && valueLength !== keyLength)
    problems.push({
      where: keys.locate('attention.value_length'),
      expected: describeValue(keyLength),
      found: describeValue(valueLength),
    });
  const parts = checkpoint.metadata.get('split.count');
  if (typeof parts === 'number' && parts > 1)
    problems.push({
      where: `${checkpoint.files[0]}: split.count`,
      expected: 'a model in one file',
      found: `${parts} parts`,
      fix: 'join them with llama-gguf-split --merge',
    });
  if (problems.length > 0) throw new UserError('unsupported', problems);
}
