import type { Model } from '../../src/model/types.js';
import { resolveRope } from '../../src/rope/frequencies.js';
import { rotaryTable } from '../../src/rope/rotary-table.js';

/** A model that was accepted turns by finite angles, at a length of its first stage and at one far behind it. */
export function usable({ spec }: Model): void {
  for (const length of [2, spec.rope.originalLength + 1]) {
    const rope = resolveRope(spec.rope.geometry, spec.rope.scaling, length);
    const { cos, sin } = rotaryTable(rope, 3);
    if (![...cos, ...sin].every(Number.isFinite))
      throw new Error(`a rotary table that is not finite: ${JSON.stringify(spec.rope)}`);
  }
}
