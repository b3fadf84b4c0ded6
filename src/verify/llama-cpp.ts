import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Observation, observe, type Probe } from './probe.js';

/** The part of node-llama-cpp 3 that is used. The package is an optional peer, so its types may not be there. */
interface NodeLlamaCpp {
  getLlama(options: { gpu: false; build: 'never'; progressLogs: false; logLevel: 'disabled' }): Promise<Llama>;
}
interface Llama {
  loadModel(options: { modelPath: string }): Promise<LlamaModel>;
  dispose(): Promise<void>;
}
interface LlamaModel {
  createContext(options: {
    contextSize: number;
    batchSize: number;
    flashAttention: false;
    experimentalKvCacheKeyType: 'F32';
    experimentalKvCacheValueType: 'F32';
  }): Promise<LlamaContext>;
}
interface LlamaContext {
  readonly contextSize: number;
  getSequence(): {
    controlledEvaluate(
      input: readonly (number | [token: number, options: { generateNext: { logits: true } }])[],
    ): Promise<readonly ({ next?: { logits?: ReadonlyMap<number, number> } } | undefined)[]>;
  };
  dispose(): Promise<void>;
}

export interface LlamaCpp {
  /** One forward pass in a context of `contextSize` tokens (a multiple of 256), read in batches of `batchSize`. */
  run(probe: Probe, options: { readonly contextSize: number; readonly batchSize: number }): Promise<Observation>;
  close(): Promise<void>;
}

const PACKAGE = 'node_modules/node-llama-cpp';

/** Where node-llama-cpp is installed, from the working directory or the program upwards; undefined: it is not. */
export function findLlamaCpp(): string | undefined {
  for (const start of [process.cwd(), import.meta.dirname])
    for (let folder = start; ; folder = path.dirname(folder)) {
      if (existsSync(path.join(folder, PACKAGE, 'dist/index.js'))) return path.join(folder, PACKAGE);
      if (folder === path.dirname(folder)) break;
    }
  return undefined;
}

export async function llamaCppVersion(packageFolder: string): Promise<string> {
  const text = await readFile(path.join(packageFolder, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Opens a GGUF file in llama.cpp on the CPU. The cache is float32, so that the figures are those of the file. */
export async function openLlamaCpp(packageFolder: string, modelPath: string): Promise<LlamaCpp> {
  const module = (await import(pathToFileURL(path.join(packageFolder, 'dist/index.js')).href)) as NodeLlamaCpp;
  const llama = await module.getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'disabled' });
  const model = await llama.loadModel({ modelPath });
  return {
    async run(probe, { contextSize, batchSize }) {
      const context = await model.createContext({
        contextSize,
        batchSize,
        flashAttention: false,
        experimentalKvCacheKeyType: 'F32',
        experimentalKvCacheValueType: 'F32',
      });
      try {
        if (context.contextSize !== contextSize)
          throw new Error(`llama.cpp made a context of ${context.contextSize} tokens instead of ${contextSize}`);
        const first = probe.length - probe.rows;
        const input = [...probe.ids.subarray(0, probe.length)].map((token, i) =>
          i < first
            ? token
            : ([token, { generateNext: { logits: true } }] as [number, { generateNext: { logits: true } }]),
        );
        const answers = await context.getSequence().controlledEvaluate(input);
        return observe(probe, wholeRows(answers.slice(first)));
      } finally {
        await context.dispose();
      }
    },
    close: () => llama.dispose(),
  };
}

function wholeRows(
  answers: readonly ({ next?: { logits?: ReadonlyMap<number, number> } } | undefined)[],
): Float32Array {
  const maps = answers.map((answer) => {
    const logits = answer?.next?.logits;
    if (logits === undefined) throw new Error('node-llama-cpp gave no logits');
    return logits;
  });
  const width = maps[0]!.size;
  const rows = new Float32Array(maps.length * width);
  maps.forEach((logits, row) => {
    for (const [token, value] of logits) rows[row * width + token] = value;
  });
  return rows;
}
