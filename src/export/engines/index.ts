import { llamaCpp } from './llama-cpp.js';
import { onnxruntimeGenai } from './onnxruntime-genai.js';
import { sglang } from './sglang.js';
import { transformersV4 } from './transformers-v4.js';
import { transformersV5 } from './transformers-v5.js';
import type { Engine } from './types.js';
import { vllm } from './vllm.js';

/** Every engine whose reading of a file is modelled, in the order of reports. */
export const ENGINES: readonly Engine[] = [transformersV4, transformersV5, vllm, sglang, llamaCpp, onnxruntimeGenai];

export { compareWithIntent, type Verdict } from './compare.js';
export { type Intent, intentOf } from './intent.js';
export { withClassKeys } from './model-class.js';
export type { ValueOrigin } from './origins.js';
export { findTraps, TRAP_IDS, type Trap, type TrapId } from './traps/index.js';
export type * from './types.js';
