import * as ort from 'onnxruntime-node';

/** The only file that knows ONNX Runtime. Everything above it sees typed arrays. */
export interface SessionOptions {
  /** Folder against which external weights are resolved. */
  readonly weightFolder: string;
  /** Threads of one run. Results may differ in the last bits between thread counts, so it is part of a run's identity. */
  readonly threads: number;
}

export type Tensor =
  | { readonly type: 'float32'; readonly data: Float32Array; readonly dims: readonly number[] }
  | { readonly type: 'int32'; readonly data: Int32Array; readonly dims: readonly number[] }
  | { readonly type: 'int64'; readonly data: BigInt64Array; readonly dims: readonly number[] };

export class Session {
  private constructor(
    readonly name: string,
    private readonly inner: ort.InferenceSession,
  ) {}

  static async create(name: string, model: Uint8Array, { weightFolder, threads }: SessionOptions): Promise<Session> {
    const inner = await ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
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
          // Spinning idle threads would steal the cores of the other workers.
          intra_op: { allow_spinning: '0' },
        },
      },
    });
    return new Session(name, inner);
  }

  /** Runs the graph and returns one float32 output. Inputs are not copied. */
  async run(inputs: Readonly<Record<string, Tensor>>, output: string): Promise<Float32Array> {
    return (await this.runFor(inputs, [output]))[0] as Float32Array;
  }

  /** The same for several outputs, each a copy of its own. */
  async runFor(inputs: Readonly<Record<string, Tensor>>, outputs: readonly string[]): Promise<Float32Array[]> {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { type, data, dims }]) => [name, new ort.Tensor(type, data as never, dims)]),
    );
    const results = await this.inner.run(feeds, outputs);
    return outputs.map((output) => {
      const data = results[output]?.data;
      if (!(data instanceof Float32Array)) throw new Error(`${this.name}: output ${output} is not float32`);
      return data;
    });
  }

  async close(): Promise<void> {
    await this.inner.release();
  }
}

/** Version of the engine, stored with every result. */
export const ENGINE_VERSION = `onnxruntime-node ${ort.env.versions.node ?? 'unknown'}`;
