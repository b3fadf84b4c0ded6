import { sameRope } from '../rope/same-rope.js';
import type { RopeMethod } from './rope-method.js';

/**
 * The first of `methods` whose rotary table at `length` is that of `method`: all methods at the original length, for example, or a file of
 * sets beside one of its sets. What is the same need not be computed twice.
 */
export function firstAlike(methods: readonly RopeMethod[], method: RopeMethod, length: number): RopeMethod {
  const rope = method.resolve(length);
  return methods.find((other) => sameRope(other.resolve(length), rope)) ?? method;
}
