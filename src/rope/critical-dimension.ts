import type { RopeGeometry } from './types.js';

/**
 * First pair that does not complete `periods` periods within `trainedLength` tokens, ceil((d/2) log_theta(L / (2 pi
 * periods))), clamped to 0..d/2; d/2 = every pair does. One period gives the theoretical critical dimension of LongRoPE2,
 * in pairs: those from it on never saw a full turn, and need factors of at least target / L to stay within
 * trained angles. Ten periods give d10, where LongRoPE2's search for the real critical dimension starts.
 */
export function criticalDimension({ theta, rotaryDim }: RopeGeometry, trainedLength: number, periods = 1): number {
  const pairs = rotaryDim / 2;
  const boundary = pairs * (Math.log(trainedLength / (2 * Math.PI * periods)) / Math.log(theta));
  return Math.min(pairs, Math.max(0, Math.ceil(boundary)));
}
