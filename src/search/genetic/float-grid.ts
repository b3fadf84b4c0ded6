/**
 * The floating-point habits of the released operators, kept because their search behaves as it does because of them:
 * the grid is anchored on a neighbour's value and its end may lie up to one step above the bound.
 */

/** `numpy.arange(start, stop, step)` as a count and a formula; numpy fills with multiples of (start + step) - start. */
export function arange(start: number, stop: number, step: number): { readonly length: number; at(i: number): number } {
  const delta = start + step - start;
  return {
    length: Math.max(0, Math.ceil((stop - start) / step)),
    at: (i) => (i === 1 ? start + step : start + i * delta),
  };
}

/** `numpy.allclose(known, value)` with its default tolerances. */
export function allClose(known: Float64Array, value: Float64Array): boolean {
  for (let i = 0; i < value.length; i++) {
    const v = value[i] as number;
    if (!(Math.abs((known[i] as number) - v) <= 1e-8 + 1e-5 * Math.abs(v))) return false;
  }
  return true;
}

export function isNonDecreasing(values: Float64Array, from = 0): boolean {
  for (let i = from + 1; i < values.length; i++) {
    if (!((values[i] as number) >= (values[i - 1] as number))) return false;
  }
  return true;
}
