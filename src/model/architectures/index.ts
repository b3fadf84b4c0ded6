import type { ArchitectureDeclaration } from '../architecture.js';
import { llama } from './llama.js';
import { mistral } from './mistral.js';

/** Every architecture the program knows; a new declaration is added here. */
export const architectures: readonly ArchitectureDeclaration[] = [llama, mistral];
