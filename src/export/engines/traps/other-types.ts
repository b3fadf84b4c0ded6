import type { Config } from '../../../model/rope-block.js';
import { number, typeOf } from '../raw-config.js';
import type { TrapList } from './trap.js';

/** Traps of the types without factor lists. */
export function otherTypeTraps(list: TrapList, config: Config, { name, block }: { name: string; block: Config }): void {
  const maximum = number(config['max_position_embeddings']);
  const factor = number(block['factor']);
  const nested = number(block['original_max_position_embeddings']);
  const top = number(config['original_max_position_embeddings']);
  const type = typeOf(block);
  if ((type === 'yarn' || type === 'llama3') && top !== undefined && nested !== undefined && nested !== top)
    list.add(
      'original-conflict',
      `${name}.original_max_position_embeddings`,
      `${nested} inside, which transformers v4 takes, ${top} at top level, which v5 takes`,
      'write the same number in both',
    );
  switch (type) {
    case 'yarn': {
      const original = top ?? nested;
      if (factor !== undefined && original !== undefined && maximum !== undefined && maximum < factor * original)
        list.add(
          'yarn-context',
          'max_position_embeddings',
          `${maximum}, although the factor extends to ${factor * original}: SGLang offers ${maximum} tokens, vLLM ${factor * original}`,
          `write "max_position_embeddings": ${factor * original}, or --context-length ${factor * original}`,
        );
      if (number(block['attention_factor']) !== undefined)
        list.add(
          'yarn-attention',
          `${name}.attention_factor`,
          'SGLang, llama.cpp and onnxruntime-genai compute 0.1 ln factor + 1',
          'attn_factor (SGLang) or rope.scaling.attn_factor (GGUF), both relative to that value',
        );
      if (block['truncate'] === false)
        list.add(
          'yarn-truncate',
          `${name}.truncate`,
          'false: llama.cpp rounds the ends of the ramp always',
          'none for llama.cpp; the other engines read it',
        );
      break;
    }
    case 'dynamic':
      list.add(
        'dynamic-frozen',
        `${name}.rope_type`,
        'only transformers grows theta with the sequence: vLLM keeps it, SGLang takes one value for all lengths, llama.cpp and onnxruntime-genai drop it',
        'write the longrope factors of the length you serve (longrope export hf --rope ntk:RATIO)',
      );
      break;
    case 'llama3':
      if (top === undefined && nested !== undefined && nested !== 8192)
        list.add(
          'llama3-original',
          `${name}.original_max_position_embeddings`,
          `${nested}: llama.cpp's converter looks at top level, and takes 8192`,
          'write it at top level too, or longrope export gguf',
        );
      break;
  }
}
