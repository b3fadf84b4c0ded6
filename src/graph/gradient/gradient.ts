import { type Expression, isCondition, scalar, topologicalOrder } from './expression.js';
import { add } from './operations.js';
import { RULES } from './rules.js';

/** A result and the derivative of the loss with respect to it, of the same shape. */
export interface Seed {
  readonly of: Expression;
  readonly gradient: Expression;
}

/**
 * Reverse-mode differentiation of a plain graph: derivatives of the scalar `loss` with respect to the named expressions, in their
 * order and shapes. The result is again a plain graph, so it can be written, run, cut into parts and differentiated once more.
 * Throws if the loss does not depend on one of them.
 */
export function gradient<const Targets extends readonly Expression[]>(loss: Expression, withRespectTo: Targets) {
  if (loss.shape.length > 0) throw new Error(`the loss has shape [${loss.shape.join(', ')}], not that of a number`);
  return backward([{ of: loss, gradient: scalar(1) }], withRespectTo);
}

/** The same from the derivatives with respect to several results: one step of the chain rule over a part of a larger model. */
export function backward<const Targets extends readonly Expression[]>(
  seeds: readonly Seed[],
  withRespectTo: Targets,
): { readonly [I in keyof Targets]: Expression } {
  const order = topologicalOrder(seeds.map(({ of }) => of));
  const depends = new Set<Expression>(withRespectTo);
  for (const expression of order)
    if (expression.kind === 'operation' && expression.inputs.some((x) => depends.has(x))) depends.add(expression);

  const gradients = new Map<Expression, Expression>();
  const accumulate = (to: Expression, part: Expression) => {
    if (to.shape.join() !== part.shape.join())
      throw new Error(`gradient of shape [${part.shape.join(', ')}] for a value of shape [${to.shape.join(', ')}]`);
    const sum = gradients.get(to);
    gradients.set(to, sum === undefined ? part : add(sum, part));
  };
  for (const { of, gradient } of seeds) accumulate(of, gradient);
  for (const y of order.toReversed()) {
    const dy = gradients.get(y);
    if (dy === undefined || y.kind !== 'operation' || isCondition(y.op) || !depends.has(y)) continue;
    RULES[y.op](dy, y).forEach((dx, i) => {
      const x = y.inputs[i] as Expression;
      if (dx !== null && depends.has(x)) accumulate(x, dx);
    });
  }
  return withRespectTo.map((target) => {
    const result = gradients.get(target);
    if (result === undefined) throw new Error('the loss does not depend on a value it is to be differentiated by');
    return result;
  }) as { readonly [I in keyof Targets]: Expression };
}
