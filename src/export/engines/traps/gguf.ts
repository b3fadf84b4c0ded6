import { passesFactors, READS_WHEN_LONGROPE } from '../llama-cpp.js';
import type { GgufSource } from '../types.js';
import { type Trap, TrapList } from './trap.js';

export function ggufTraps(source: GgufSource): readonly Trap[] {
  const { architecture, short, long, frequencies, factor, originalLength, contextLength, type } = source;
  const list = new TrapList();
  const hasLists = short !== undefined || long !== undefined;
  if (factor !== 1 && type !== 'none' && (hasLists || frequencies !== undefined || type === 'longrope'))
    list.add(
      'gguf-factor',
      `${architecture}.rope.scaling.factor`,
      `llama.cpp divides every frequency by ${factor} on top of the factors`,
      'leave the key out',
    );
  if (frequencies !== undefined && hasLists)
    list.add(
      'gguf-rope-freqs',
      'rope_freqs.weight',
      'beside rope_factors_long and rope_factors_short: llama.cpp reads one or the other, and stops at what is left',
      'remove rope_freqs.weight',
    );
  if (hasLists && !passesFactors(source)) {
    if (READS_WHEN_LONGROPE.includes(architecture))
      list.add(
        'gguf-type',
        `${architecture}.rope.scaling.type`,
        `${source.keys.has('rope.scaling.type') ? type : 'absent'}: ${architecture} reads factor tensors only when it is longrope`,
        'write "longrope"',
      );
    else
      list.add(
        'gguf-architecture',
        'general.architecture',
        `llama.cpp reads no factor tensors for ${architecture}, and stops at them`,
        'none there: transformers, vLLM and SGLang can (export hf)',
      );
  }
  if (type === 'longrope' && !hasLists)
    list.add(
      'gguf-no-factors',
      `${architecture}.rope.scaling.type`,
      'longrope without factor tensors (a converter wrote only the type)',
      'write the file with longrope export gguf',
    );
  if (hasLists && originalLength >= contextLength)
    list.add(
      'gguf-original',
      `${architecture}.rope.scaling.original_context_length`,
      'missing or not below context_length: the long factors are never chosen within the context',
      'write the original length',
    );
  if (type === 'yarn' && source.keys.has('rope.scaling.yarn_attn_factor'))
    list.add(
      'gguf-yarn-attention',
      `${architecture}.rope.scaling.yarn_attn_factor`,
      'overwritten by 0.1 ln factor + 1 when the file is loaded',
      `${architecture}.rope.scaling.attn_factor multiplies that value`,
    );
  return list.traps;
}
