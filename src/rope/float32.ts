/**
 * Arithmetic as a float32 tensor does it: operands rounded to float32, one operation, the result rounded. A float64 operation
 * on two float32 values, rounded once more, gives the correctly rounded float32 result for + - * / (double rounding is harmless
 * here as 53 >= 2 * 24 + 2); `power` is the correctly rounded value, from which a vector library may differ in the last place.
 */
export const f32 = Math.fround;

export function add(a: number, b: number): number {
  return f32(f32(a) + f32(b));
}

export function subtract(a: number, b: number): number {
  return f32(f32(a) - f32(b));
}

export function multiply(a: number, b: number): number {
  return f32(f32(a) * f32(b));
}

export function divide(a: number, b: number): number {
  return f32(f32(a) / f32(b));
}

export function reciprocal(a: number): number {
  return f32(1 / f32(a));
}

export function power(base: number, exponent: number): number {
  return f32(f32(base) ** f32(exponent));
}
