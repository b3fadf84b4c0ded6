import { OnnxBuilder, type Value } from '../onnx-builder.js';
import { type Expression, type Operation, type Operator, topologicalOrder } from './expression.js';

export interface WriteOptions {
  /** Arithmetic of the whole graph; float64 is for tests. */
  readonly element: 'float32' | 'float64';
}

/** Writes a plain graph as an ONNX model. Weights are inputs of their names; outputs are named by the keys of `outputs`. */
export function writeGraph(
  name: string,
  outputs: Readonly<Record<string, Expression>>,
  { element }: WriteOptions,
): Uint8Array {
  const graph = new OnnxBuilder(name);
  const values = new Map<Expression, Value>();
  const write = (expression: Expression, id: string): Value => {
    switch (expression.kind) {
      case 'input':
      case 'parameter':
        return graph.input(expression.name, elementType(expression, element), expression.shape);
      case 'constant':
        return graph.constant(id, elementType(expression, element), expression.shape as number[], expression.values);
      case 'operation': {
        const inputs = expression.inputs.map((x) => values.get(x) as Value);
        const writer = WRITERS[expression.op];
        if (writer) return writer({ graph, id, element, y: expression }, inputs);
        return graph.apply(id, expression.op, inputs, expression.attributes);
      }
    }
  };
  const outputOf = new Map(Object.entries(outputs).map(([output, expression]) => [expression, output]));
  topologicalOrder(Object.values(outputs)).forEach((expression, i) => {
    const isOperation = expression.kind === 'operation';
    const id = `${isOperation ? expression.op : expression.kind}.${i}`;
    values.set(expression, write(expression, (isOperation && outputOf.get(expression)) || id));
  });
  for (const [output, expression] of Object.entries(outputs)) {
    const value = values.get(expression) as Value;
    // What is given, or an output already, is copied under one more name.
    const isNamed = expression.kind === 'operation' && outputOf.get(expression) === output;
    const named = isNamed ? value : graph.apply(output, 'Identity', [value]);
    graph.output(named, elementType(expression, element), expression.shape);
  }
  return graph.build();
}

interface Context {
  readonly graph: OnnxBuilder;
  readonly id: string;
  readonly element: 'float32' | 'float64';
  readonly y: Operation;
}
type Writer = (context: Context, inputs: readonly Value[]) => Value;

/** Operators that ONNX gives as tensors what a plain graph knows as attributes. */
const WRITERS: Partial<Record<Operator, Writer>> = {
  Pow: (at, [x]) => {
    const { float } = at.y.attributes['exponent'] as { readonly float: number };
    return at.graph.apply(at.id, 'Pow', [x as Value, at.graph.constant(`${at.id}.exponent`, at.element, [], [float])]);
  },
  ReduceSum: (at, [x]) => reduce(at, x as Value),
  ReduceMean: (at, [x]) => reduce(at, x as Value),
  Reshape: (at, [x]) => {
    const sizes = at.y.shape.map((size) => (typeof size === 'string' ? -1 : size));
    return at.graph.apply(at.id, 'Reshape', [x as Value, integers(at, 'shape', sizes)]);
  },
  Expand: (at, [x, like]) => at.graph.apply(at.id, 'Expand', [x as Value, shapeOf(at, like as Value)]),
  Slice: (at, [x]) => {
    const { axis, start, end } = at.y.attributes as { axis: number; start: number; end: number };
    const bounds = [integers(at, 'start', [start]), integers(at, 'end', [end]), integers(at, 'axis', [axis])];
    return at.graph.apply(at.id, 'Slice', [x as Value, ...bounds]);
  },
  Pad: (at, [x]) => {
    const { axis, before, after } = at.y.attributes as { axis: number; before: number; after: number };
    const none = at.y.shape.map(() => 0);
    const pads = integers(at, 'pads', [...none.with(axis, before), ...none.with(axis, after)]);
    return at.graph.apply(at.id, 'Pad', [x as Value, pads]);
  },
  ScatterND: (at, [like, rows, updates]) => {
    const column = at.graph.apply(`${at.id}.rows`, 'Unsqueeze', [rows as Value, integers(at, 'last', [1])]);
    return at.graph.apply(at.id, 'ScatterND', [zeros(at, like as Value), column, updates as Value], at.y.attributes);
  },
};

function reduce(at: Context, x: Value): Value {
  const axes = integers(at, 'axes', at.y.attributes['axes'] as readonly number[]);
  return at.graph.apply(at.id, at.y.op, [x, axes], { keepdims: 1 });
}

function zeros(at: Context, like: Value): Value {
  const zero = at.graph.constant(`${at.id}.zero`, at.element, [], [0]);
  return at.graph.apply(`${at.id}.zeros`, 'Expand', [zero, shapeOf(at, like)]);
}

function shapeOf(at: Context, x: Value): Value {
  return at.graph.apply(`${at.id}.shape`, 'Shape', [x]);
}

function integers(at: Context, what: string, values: readonly number[]): Value {
  return at.graph.constant(`${at.id}.${what}`, 'int64', [values.length], values);
}

function elementType({ type }: Expression, element: 'float32' | 'float64') {
  if (type === 'bool') throw new Error('a condition can be neither given nor asked for');
  return type === 'float' ? element : type;
}
