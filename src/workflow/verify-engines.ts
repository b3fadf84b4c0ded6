import { UserError } from '../errors.js';
import type { RopeSource } from '../export/index.js';
import {
  type Agreement,
  agreement,
  type EngineName,
  findLlamaCpp,
  llamaCppTolerance,
  llamaCppVersion,
  openLlamaCpp,
  type PlannedPass,
  planLlamaCpp,
  planTransformers,
  runTransformers,
  type TableRule,
  TOLERANCE,
  type Tolerance,
  transformersScript,
  transformersVersion,
} from '../verify/index.js';
import type { Expected, Probes } from './verify-expected.js';

export interface EngineChoice {
  /** Engines that have to run; undefined: those that are installed and read the format. */
  readonly only?: readonly EngineName[];
  /** Interpreters that may have transformers, the first that has it is taken. */
  readonly pythons: readonly string[];
}

export interface RunContext {
  readonly probes: Probes;
  readonly expected: Expected;
  readonly advance: (detail: string) => void;
  readonly signal?: AbortSignal;
}

export interface RunnableEngine {
  readonly name: EngineName;
  readonly version: string;
  /** Up to which a pass counts as the same. */
  readonly tolerance: Tolerance;
  plan(rule: TableRule): PlannedPass[];
  run(passes: readonly PlannedPass[], context: RunContext): AsyncIterable<{ pass: PlannedPass; agreement: Agreement }>;
}

interface Situation {
  /** The exported folder or file. */
  readonly exported: string;
  /** Its config.json or .gguf file. */
  readonly file: string;
  readonly source: RopeSource;
  /** Types of its tensors. */
  readonly dtypes: readonly string[];
  readonly lengths: readonly number[];
  readonly originalLength: number;
  readonly chunk: number;
}

/** The engines that can be run on this file here, and why the others are not. Throws if one that has to run cannot. */
export async function runnableEngines(
  { only, pythons }: EngineChoice,
  situation: Situation,
): Promise<{
  readonly engines: readonly RunnableEngine[];
  readonly skipped: readonly { readonly engine: string; readonly reason: string }[];
}> {
  const engines: RunnableEngine[] = [];
  const skipped: { engine: EngineName; reason: string }[] = [];
  for (const [engine, found] of [
    ['llama.cpp', await llamaCpp(situation)],
    ['transformers', await transformers(situation, pythons)],
  ] as const)
    if (typeof found === 'string') skipped.push({ engine, reason: found });
    else if (only === undefined || only.includes(engine)) engines.push(found);
    else skipped.push({ engine, reason: 'not asked for' });
  const missing = skipped.filter(({ engine }) => only?.includes(engine));
  if (missing.length > 0)
    throw new UserError(
      'unsupported',
      missing.map(({ engine, reason }) => ({ where: '--engine', expected: `${engine} to run`, found: reason })),
    );
  return { engines, skipped };
}

async function llamaCpp({ file, source, dtypes, lengths, chunk }: Situation): Promise<RunnableEngine | string> {
  if (source.format !== 'gguf') return 'reads GGUF files only (export gguf)';
  const folder = findLlamaCpp();
  if (folder === undefined) return 'node-llama-cpp is not installed (npm install node-llama-cpp)';
  const tolerance = llamaCppTolerance(dtypes);
  return {
    name: 'llama.cpp',
    version: `node-llama-cpp ${await llamaCppVersion(folder)}`,
    tolerance,
    plan: (rule) => planLlamaCpp(lengths, chunk, rule),
    async *run(passes, { probes, expected, advance, signal }) {
      const llama = await openLlamaCpp(folder, file);
      try {
        for (const pass of passes) {
          signal?.throwIfAborted();
          advance(`llama.cpp, ${pass.length} tokens`);
          const probe = probes.get(pass.length)!;
          const observation = await llama.run(probe, { contextSize: pass.context!, batchSize: pass.chunk! });
          yield { pass, agreement: agreement(expected.get(pass)!, observation, tolerance) };
        }
      } finally {
        await llama.close();
      }
    },
  };
}

async function transformers(situation: Situation, pythons: readonly string[]): Promise<RunnableEngine | string> {
  const { exported, source, lengths, originalLength, chunk } = situation;
  if (source.format !== 'config') return 'reads folders (export hf)';
  for (const python of pythons) {
    const version = await transformersVersion(python);
    if (version === undefined) continue;
    return {
      name: 'transformers',
      version: `transformers ${version}`,
      // It loads every folder as float32.
      tolerance: TOLERANCE,
      plan: (rule) => planTransformers(lengths, originalLength, chunk, rule),
      async *run(passes, { probes, expected, advance, signal }) {
        advance(`transformers, ${passes.length} forward passes`);
        const script = transformersScript(exported, scriptCases(passes, probes, expected));
        const answers = await runTransformers(python, script, signal);
        for (const [i, pass] of passes.entries()) {
          const { logits, losses } = answers[i]!;
          const observation = { logits: Float32Array.from(logits), losses: Float32Array.from(losses) };
          yield { pass, agreement: agreement(expected.get(pass)!, observation) };
          if (i > 0) advance('transformers');
        }
      },
    };
  }
  return `no Python with torch and transformers (looked at ${pythons.join(', ')}; --python, or --script for another machine)`;
}

export function scriptCases(passes: readonly PlannedPass[], probes: Probes, expected: Expected) {
  return passes.map((pass) => ({
    probe: probes.get(pass.length)!,
    chunk: pass.chunk,
    expected: expected.get(pass)!,
  }));
}
