import { createHash } from 'node:crypto';
import type { Engine } from './pool.js';
import type { LossRequest } from './requests.js';

/**
 * The engine, but `tokenLosses` computes no row twice: 4 bytes a token are kept for every one it was asked for. For rows that are known to
 * come again, not for a search.
 */
export function rememberLosses(engine: Engine): Engine {
  const known = new Map<string, Promise<Float32Array>>();
  return {
    ...engine,
    tokenLosses(request, signal) {
      const key = identity(request);
      const losses = known.get(key) ?? engine.tokenLosses(request, signal);
      known.set(key, losses);
      // An abort or a failure is no answer.
      losses.catch(() => known.delete(key));
      return losses;
    },
  };
}

/** All that the losses depend on, bit for bit. */
function identity({ ids, scoreFrom, rope }: LossRequest): string {
  const hash = createHash('sha256').update(
    JSON.stringify([ids.length, scoreFrom, rope.attentionFactor, rope.startTokens]),
  );
  for (const { buffer, byteOffset, byteLength } of [ids, rope.inverseFrequency, rope.baseInverseFrequency])
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('base64');
}
