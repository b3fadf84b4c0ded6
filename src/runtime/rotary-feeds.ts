import type { DecoderSpec } from '../model/types.js';
import { resolveRope } from '../rope/frequencies.js';
import { rotaryTable } from '../rope/rotary-table.js';
import type { ResolvedRope, RotaryTable } from '../rope/types.js';
import type { Tensor } from './session.js';

/** The table that was asked for, and that of the local layers, which follows from the model alone. */
export interface RotaryTables {
  readonly global: RotaryTable;
  readonly local: RotaryTable | null;
}

export function rotaryTables({ localRope }: DecoderSpec, rope: ResolvedRope, length: number): RotaryTables {
  return {
    global: rotaryTable(rope, length),
    local: localRope && rotaryTable(resolveRope(localRope.geometry, localRope.scaling, length), length),
  };
}

/** The first `length` rows as inputs of a decoder graph; views, not copies. */
export function rotaryFeeds({ global, local }: RotaryTables, length: number): Record<string, Tensor> {
  return { ...feeds('', global, length), ...(local && feeds('local_', local, length)) };
}

function feeds(prefix: string, { cos, sin, width }: RotaryTable, length: number): Record<string, Tensor> {
  const dims = [length, width];
  return {
    [`${prefix}cos`]: { type: 'float32', data: cos.subarray(0, length * width), dims },
    [`${prefix}sin`]: { type: 'float32', data: sin.subarray(0, length * width), dims },
  };
}
