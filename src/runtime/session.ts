import * as ort from 'onnxruntime-node';
import { givenInput } from '../graph/index.js';
import type { Backend, Device } from './device.js';
import { freeAtOnce } from './free-at-once.js';

/** The only file that knows ONNX Runtime. Everything above it sees typed arrays. */
export interface SessionOptions {
  /** Folder against which external weights are resolved. */
  readonly weightFolder: string;
  /** Threads of one run. Results may differ in the last bits between thread counts, so it is part of a run's identity. */
  readonly threads: number;
  /** Default: cpu. */
  readonly device?: Device;
  /**
   * Numbers below 1e-38 count as 0. Gradients of unlikely tokens are full of them, and processors are slow with them. Of the session's
   * own threads; for the thread that opens it the first session of the process has decided (`flushDenormals`).
   */
  readonly flushDenormals?: boolean;
}

export type Tensor =
  | { readonly type: 'float32'; readonly data: Float32Array; readonly dims: readonly number[] }
  | { readonly type: 'int32'; readonly data: Int32Array; readonly dims: readonly number[] }
  | { readonly type: 'int64'; readonly data: BigInt64Array; readonly dims: readonly number[] };

export class Session {
  private constructor(
    readonly name: string,
    private readonly inner: ort.InferenceSession,
    private readonly device: Device,
  ) {}

  static async create(
    name: string,
    model: Uint8Array,
    { weightFolder, threads, device = 'cpu', flushDenormals = false }: SessionOptions,
  ): Promise<Session> {
    const inner = await ort.InferenceSession.create(model, {
      executionProviders: [device],
      // A pattern would be planned anew for every length and kept beside the arena: twice the memory (measured at 32k tokens).
      enableMemPattern: false,
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: {
        session: {
          model_external_initializers_file_folder_path: weightFolder,
          // Matrix products then read the mapped file: no second copy of float32 weights, pages shared by all workers.
          disable_prepacking: '1',
          ...(flushDenormals && { set_denormal_as_zero: '1' }),
          // Spinning idle threads would steal the cores of the other workers.
          intra_op: { allow_spinning: '0' },
          // A node that the device cannot run would otherwise run on the CPU, and nobody would know.
          ...(device !== 'cpu' && { disable_cpu_ep_fallback: '1' }),
        },
      },
    });
    return new Session(name, inner, device);
  }

  /** Runs the graph and returns one float32 output. Inputs are not copied. */
  async run(inputs: Readonly<Record<string, Tensor>>, output: string): Promise<Float32Array> {
    return (await this.runFor(inputs, [output]))[0] as Float32Array;
  }

  /** The same for several outputs, each a copy of its own. */
  async runFor(inputs: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Float32Array[]> {
    const results = await this.inner.run(ortTensors({ ...inputs, ...this.#given(inputs) }), outputs);
    return outputs.map((output) => {
      const data = results[output]?.data;
      if (!(data instanceof Float32Array)) throw new Error(`${this.name}: output ${output} is not float32`);
      return data;
    });
  }

  /** Runs the graph, which writes its outputs into the arrays that are given for them. */
  async runInto(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<string, Tensor>>): Promise<void> {
    const results = await this.inner.run(ortTensors(inputs), ortTensors(outputs));
    // The binding returns a copy of what is written already. Millions of bytes per layer that only the garbage collector
    // frees would make it run all the time, on cores that matrix products need; a transfer to nowhere frees them at once.
    const copies = Object.entries(outputs).flatMap(([name, { data }]) => {
      const copy = results[name]?.data as Tensor['data'];
      return copy.buffer === data.buffer ? [] : [copy.buffer as ArrayBuffer];
    });
    freeAtOnce(copies);
  }

  /** A graph for a device does not compute shapes: they follow from the ids and the total length here. */
  #given(inputs: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const { input_ids: ids, total_sequence_length: total } = inputs;
    if (this.device === 'cpu' || ids?.type !== 'int64' || total?.type !== 'int32') return {};
    const [rows = 1, length = 1] = ids.dims;
    const given = this.inner.inputNames.flatMap((name): [string, Tensor][] => {
      const values = givenInput(name, { rows, length, total: total.data[0] as number });
      const data = values && BigInt64Array.from(values, BigInt);
      return data === null ? [] : [[name, { type: 'int64', data, dims: [data.length] }]];
    });
    return { ...Object.fromEntries(given), input_ids: { ...ids, dims: [ids.data.length] } };
  }

  async close(): Promise<void> {
    await this.inner.release();
  }
}

/** Not copied. */
function ortTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, ort.Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data as never, dims)]),
  );
}

/** Version of the engine, and the device where it is not the CPU; stored with every result. */
export function engineName(device: Device = 'cpu'): string {
  return device === 'cpu' ? ENGINE_VERSION : `${ENGINE_VERSION} on ${device}`;
}

export const ENGINE_VERSION = `onnxruntime-node ${ort.env.versions.node ?? 'unknown'}`;

/** The execution providers that the installed package was built with. */
export function compiledBackends(): readonly Backend[] {
  return ort.listSupportedBackends();
}
