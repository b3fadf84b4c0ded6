import type { Attribute } from '../onnx-builder.js';

/** A size, or the name of one that is known when the graph runs, such as the number of rows. */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

/** `float` becomes float32 or float64 when the graph is written; only it carries a gradient. */
export type ElementKind = 'float' | 'int64' | 'bool';

/** Conditions: bool, so they have no derivative. */
const CONDITIONS = ['LessOrEqual', 'And'] as const;
export type Condition = (typeof CONDITIONS)[number];

export function isCondition(op: Operator): op is Condition {
  return (CONDITIONS as readonly string[]).includes(op);
}

/** Names of the ONNX operators a plain graph may hold; operations.ts makes them, rules.ts differentiates all but conditions. */
export type Operator =
  | Condition
  | 'Add'
  | 'Sub'
  | 'Mul'
  | 'Div'
  | 'Neg'
  | 'Exp'
  | 'Log'
  | 'Sqrt'
  | 'Pow'
  | 'Sigmoid'
  | 'Tanh'
  | 'Where'
  | 'ReduceSum'
  | 'ReduceMean'
  | 'Softmax'
  | 'LogSoftmax'
  | 'MatMul'
  | 'Gemm'
  | 'Reshape'
  | 'Transpose'
  | 'Expand'
  | 'Slice'
  | 'Pad'
  | 'Concat'
  | 'Gather'
  | 'GatherElements'
  | 'ScatterND'
  | 'ScatterElements';

interface Typed {
  readonly type: ElementKind;
  readonly shape: Shape;
}

/** Given anew in every run. */
export interface Input extends Typed {
  readonly kind: 'input';
  readonly name: string;
}

/** A weight of the model by its canonical name; whoever writes the graph says where it lies. */
export interface Parameter extends Typed {
  readonly kind: 'parameter';
  readonly name: string;
}

export interface Constant extends Typed {
  readonly kind: 'constant';
  readonly values: readonly number[];
}

export interface Operation extends Typed {
  readonly kind: 'operation';
  readonly op: Operator;
  readonly inputs: readonly Expression[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/**
 * A value of a plain graph together with all it is computed from. Expressions are immutable and shared: the graph is what can be
 * reached from its outputs, so what nobody reads is never written.
 */
export type Expression = Input | Parameter | Constant | Operation;

export function input(name: string, shape: Shape, type: ElementKind = 'float'): Input {
  return { kind: 'input', name, shape, type };
}

export function parameter(name: string, shape: Shape): Parameter {
  return { kind: 'parameter', name, shape, type: 'float' };
}

export function scalar(value: number): Constant {
  return { kind: 'constant', values: [value], shape: [], type: 'float' };
}

export function vector(values: readonly number[]): Constant {
  return { kind: 'constant', values, shape: [values.length], type: 'float' };
}

/** All expressions below and including `outputs`, each after what it is computed from. */
export function topologicalOrder(outputs: readonly Expression[]): Expression[] {
  const order: Expression[] = [];
  const seen = new Set<Expression>();
  const visit = (expression: Expression) => {
    if (seen.has(expression)) return;
    seen.add(expression);
    if (expression.kind === 'operation') expression.inputs.forEach(visit);
    order.push(expression);
  };
  outputs.forEach(visit);
  return order;
}

/** The same outputs computed from other values: every key is taken for its value, and what only it needed is gone. */
export function substitute(
  outputs: readonly Expression[],
  values: ReadonlyMap<Expression, Expression>,
): readonly Expression[] {
  const made = new Map(values);
  const visit = (expression: Expression): Expression => {
    const known = made.get(expression);
    if (known !== undefined) return known;
    const result =
      expression.kind === 'operation' ? { ...expression, inputs: expression.inputs.map(visit) } : expression;
    made.set(expression, result);
    return result;
  };
  return outputs.map(visit);
}
