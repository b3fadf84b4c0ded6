import type { RopeSource } from '../types.js';
import { configTraps } from './config.js';
import { ggufTraps } from './gguf.js';
import type { Trap } from './trap.js';

export { TRAP_IDS, type Trap, type TrapId } from './trap.js';

/** Every known trap in a file, whatever the engine. */
export function findTraps(source: RopeSource): readonly Trap[] {
  return source.format === 'gguf' ? ggufTraps(source) : configTraps(source);
}
