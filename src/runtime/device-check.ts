import type { DecoderSpec } from '../model/types.js';
import { resolveRope } from '../rope/frequencies.js';

/**
 * What every attention kernel of ONNX Runtime's WebGPU provider computes rightly. From 32 new tokens on it takes another shader,
 * written for subgroups of at least 8 threads; with 4 (SwiftShader) that counts keys twice, without an error.
 */
const SHORT = 31;
const LONG = 64;
/** Of the largest value. Rounding makes 1e-6 of it, the shader in question 0.1 and more. */
const TOLERANCE = 1e-3;

/**
 * How many new tokens a device may be given at a time: hidden states of a prefix must not depend on what comes after it, and are
 * compared with those of the prefix alone.
 */
export async function tokensPerRun(
  spec: DecoderSpec,
  hidden: (ids: Int32Array) => Promise<Float32Array>,
): Promise<number> {
  const ids = Int32Array.from({ length: LONG }, (_, i) => (i * 7919 + 3) % spec.vocabularySize);
  const alone = await hidden(ids.subarray(0, SHORT));
  const inLonger = await hidden(ids);
  let largest = 0;
  let difference = 0;
  for (const [i, value] of alone.entries()) {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - (inLonger[i] as number)));
  }
  // Not written the other way round: NaN must not pass.
  return difference <= TOLERANCE * largest ? Number.POSITIVE_INFINITY : SHORT;
}

/** The table that the check turns by. */
export function checkRope({ rope }: DecoderSpec) {
  return resolveRope(rope.geometry, rope.scaling, LONG);
}
