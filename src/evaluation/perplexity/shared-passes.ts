import { sameRope } from '../../rope/same-rope.js';
import type { RopeMethod } from '../rope-method.js';
import type { Protocol } from './protocol.js';

/** A method under a protocol whose passes through the model give the losses of all that `serves` names, itself included. */
export interface SharedPass {
  readonly method: RopeMethod;
  readonly protocol: Protocol;
  readonly serves: readonly Cell[];
}

interface Cell {
  readonly method: RopeMethod;
  readonly protocol: Protocol;
}

/**
 * What has to be computed for every method under every protocol. Methods with the same rotary table at a length, such as all at the original
 * one, need one pass; so do a method's lengths with the same table, where windows are beginnings of documents: no token sees what
 * comes after it. The longest pass gives the losses of the shorter ones.
 */
export function sharedPasses(methods: readonly RopeMethod[], protocols: readonly Protocol[]): SharedPass[] {
  const passes = new Map<
    string,
    { readonly method: RopeMethod; readonly protocol: Protocol; readonly serves: Cell[] }
  >();
  for (const protocol of protocols)
    for (const method of methods) {
      const first = firstThatGives({ method, protocol }, methods, protocols);
      const key = JSON.stringify([protocols.indexOf(first.protocol), methods.indexOf(first.method)]);
      const pass = passes.get(key) ?? { ...first, serves: [] };
      pass.serves.push({ method, protocol });
      passes.set(key, pass);
    }
  return [...passes.values()];
}

function firstThatGives(
  { method, protocol }: Cell,
  methods: readonly RopeMethod[],
  protocols: readonly Protocol[],
): Cell {
  const rope = method.resolve(protocol.length);
  const longer =
    protocol.name === 'document'
      ? protocols.filter(({ length }) => length > protocol.length).toSorted((a, b) => b.length - a.length)
      : [];
  for (const at of [...longer, protocol]) {
    const alike = methods.find((other) => sameRope(other.resolve(at.length), rope));
    if (alike !== undefined) return { method: alike, protocol: at };
  }
  return { method, protocol };
}
