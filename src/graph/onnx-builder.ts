import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

/** Name of a tensor inside a graph; branded so that a shape or an attribute cannot be passed by mistake. */
export type Value = string & { readonly __value: unique symbol };

export type ElementType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int32' | 'int64';

const ONNX_TYPE: Record<ElementType, number> = {
  float32: 1,
  float64: 11,
  float16: 10,
  bfloat16: 16,
  int32: 6,
  int64: 7,
};
const RAW_DATA = {
  float32: (values: readonly number[]) => new Float32Array(values),
  float64: (values: readonly number[]) => new Float64Array(values),
  int32: (values: readonly number[]) => new Int32Array(values),
  int64: (values: readonly number[]) => new BigInt64Array(values.map(BigInt)),
};
const MICROSOFT_DOMAIN = 'com.microsoft';

/** Opset 21 is the newest that CPU and CUDA both cover; IR 10 belongs to it. */
const OPSET = 21;
const IR_VERSION = 10;

export type Attribute = number | string | readonly number[] | { readonly float: number };

/** Bytes of an initialiser that stay in a file; ONNX Runtime maps them instead of copying. */
export interface ExternalBytes {
  /** Relative to the folder given at session creation. */
  readonly location: string;
  readonly offset: number;
  readonly byteLength: number;
}

/** Writes an ONNX model node by node. Values are named by their node, so a profile reads like the model. */
export class OnnxBuilder {
  readonly #nodes: InstanceType<typeof onnx.NodeProto>[] = [];
  readonly #initializers: InstanceType<typeof onnx.TensorProto>[] = [];
  readonly #inputs: InstanceType<typeof onnx.ValueInfoProto>[] = [];
  readonly #outputs: InstanceType<typeof onnx.ValueInfoProto>[] = [];
  readonly #names = new Set<string>();

  constructor(readonly name: string) {}

  /** A dimension given as a string is symbolic. */
  input(name: string, type: ElementType, shape: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, shape));
    return this.#claim(name);
  }

  output(value: Value, type: ElementType, shape: readonly (number | string)[]): void {
    this.#outputs.push(valueInfo(value, type, shape));
  }

  constant(name: string, type: keyof typeof RAW_DATA, shape: readonly number[], values: readonly number[]): Value {
    const rawData = new Uint8Array(RAW_DATA[type](values).buffer);
    this.#initializers.push(new onnx.TensorProto({ name, dataType: ONNX_TYPE[type], dims: [...shape], rawData }));
    return this.#claim(name);
  }

  external(name: string, type: ElementType, shape: readonly number[], bytes: ExternalBytes): Value {
    this.#initializers.push(
      new onnx.TensorProto({
        name,
        dataType: ONNX_TYPE[type],
        dims: [...shape],
        dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
        externalData: [
          { key: 'location', value: bytes.location },
          { key: 'offset', value: String(bytes.offset) },
          { key: 'length', value: String(bytes.byteLength) },
        ],
      }),
    );
    return this.#claim(name);
  }

  /**
   * Adds one node and returns its outputs. `op` may carry the contrib domain: 'com.microsoft.GroupQueryAttention'.
   * A null input is an omitted optional one; a null in `outputs` is an output nobody reads.
   */
  node(
    name: string,
    op: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly (string | null)[] = [''],
  ): Value[] {
    const contrib = op.startsWith(`${MICROSOFT_DOMAIN}.`);
    const names = outputs.map((suffix) =>
      suffix === null ? '' : this.#claim(suffix === '' ? name : `${name}.${suffix}`),
    );
    this.#nodes.push(
      new onnx.NodeProto({
        name,
        opType: contrib ? op.slice(MICROSOFT_DOMAIN.length + 1) : op,
        domain: contrib ? MICROSOFT_DOMAIN : '',
        input: inputs.map((value) => value ?? ''),
        output: names,
        attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)),
      }),
    );
    return names.filter((value): value is Value => value !== '');
  }

  /**
   * One of two lists of values of this graph, by a bool: `whenTrue[i]` or `whenFalse[i]`, float32 of this shape. An If node,
   * since every execution provider has it.
   */
  choose(
    name: string,
    condition: Value,
    [whenTrue, whenFalse]: readonly [readonly Value[], readonly Value[]],
    { names, shape }: { readonly names: readonly string[]; readonly shape: readonly (number | string)[] },
  ): Value[] {
    const branch = (label: string, values: readonly Value[]) => {
      const outputs = names.map((output) => `${name}.${output}.${label}`);
      const node = outputs.map(
        (output, i) => new onnx.NodeProto({ name: output, opType: 'Identity', input: [values[i]!], output: [output] }),
      );
      const graph = {
        name: `${name}.${label}`,
        node,
        output: outputs.map((output) => valueInfo(output, 'float32', shape)),
      };
      return { name: `${label}_branch`, type: onnx.AttributeProto.AttributeType.GRAPH, g: new onnx.GraphProto(graph) };
    };
    const output = names.map((suffix) => this.#claim(`${name}.${suffix}`));
    const attribute = [branch('then', whenTrue), branch('else', whenFalse)];
    this.#nodes.push(new onnx.NodeProto({ name, opType: 'If', input: [condition], output, attribute }));
    return output;
  }

  /** The common case of a node with one output. */
  apply(
    name: string,
    op: string,
    inputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    return this.node(name, op, inputs, attributes)[0] as Value;
  }

  build(): Uint8Array {
    const model = new onnx.ModelProto({
      irVersion: IR_VERSION,
      producerName: 'longrope',
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: MICROSOFT_DOMAIN, version: 1 },
      ],
      graph: new onnx.GraphProto({
        name: this.name,
        node: this.#nodes,
        initializer: this.#initializers,
        input: this.#inputs,
        output: this.#outputs,
      }),
    });
    return onnx.ModelProto.encode(model).finish();
  }

  #claim(name: string): Value {
    if (name === '' || this.#names.has(name))
      throw new Error(`graph ${this.name}: value name '${name}' is empty or taken`);
    this.#names.add(name);
    return name as Value;
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]) {
  return new onnx.ValueInfoProto({
    name,
    type: {
      tensorType: {
        elemType: ONNX_TYPE[type],
        shape: { dim: shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })) },
      },
    },
  });
}

function attribute(name: string, value: Attribute) {
  const { AttributeType } = onnx.AttributeProto;
  if (typeof value === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float };
  return { name, type: AttributeType.INTS, ints: [...value] };
}
