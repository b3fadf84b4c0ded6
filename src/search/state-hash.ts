import { sha256Json } from '../run/index.js';
import type { Json, SearchAlgorithm } from './types.js';

/** sha256 of the state of an algorithm. Losses in it need not be finite, which JSON cannot say: they stand there by their names. */
export function stateHash(algorithm: Pick<SearchAlgorithm, 'state'>): string {
  return sha256Json(named(algorithm.state()));
}

function named(value: Json): Json {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(named);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, named(inner)]));
}
