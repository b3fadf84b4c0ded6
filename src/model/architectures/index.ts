import type { ArchitectureDeclaration } from '../architecture.js';
import { gemma2 } from './gemma2.js';
import { gemma3 } from './gemma3.js';
import { llama } from './llama.js';
import { mistral } from './mistral.js';
import { mixtral } from './mixtral.js';
import { olmo2 } from './olmo2.js';
import { phi3 } from './phi3.js';
import { qwen2 } from './qwen2.js';
import { qwen3 } from './qwen3.js';
import { smollm3 } from './smollm3.js';

/** Every architecture the program knows; a new declaration is added here. */
export const architectures: readonly ArchitectureDeclaration[] = [
  llama,
  mistral,
  mixtral,
  phi3,
  qwen2,
  qwen3,
  gemma2,
  gemma3,
  smollm3,
  olmo2,
];
