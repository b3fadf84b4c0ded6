/** Tokens in which each pair turns once, 2 pi / inverse frequency; Infinity for pairs that do not turn. */
export function wavelengths(inverseFrequency: ArrayLike<number>): Float64Array {
  return Float64Array.from(inverseFrequency, (frequency) => (2 * Math.PI) / frequency);
}
