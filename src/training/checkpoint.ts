import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type Problem, UserError } from '../errors.js';
import { readJsonObject, withFile } from '../model/checkpoint/file.js';
import { readSafetensorsHeader } from '../model/checkpoint/safetensors-header.js';
import { loadModel, readTensor, sizeOfShape } from '../model/index.js';
import type { DecoderSpec, StoredTensor } from '../model/types.js';
import { checkSpace, fileError, listFolder, replaceFolder } from '../run/index.js';
import type { Weights } from '../runtime/index.js';
import { writeTensors } from './tensor-file.js';
import { writeWeights } from './weight-file.js';

/** Everything that training goes on from. The place in the data and all random numbers follow from `step` and the seed. */
export interface TrainerState {
  /** sha256 of what the run was begun with. */
  readonly run: string;
  /** Steps done. */
  readonly step: number;
  /** Tokens of all sequences so far. */
  readonly tokens: number;
  /** Loss and scored tokens since the last line of the log. */
  readonly sinceLog: { readonly loss: number; readonly tokens: number };
}

const STATE_NAME = 'trainer_state.json';
const OPTIMIZER_NAME = 'optimizer.safetensors';
const CHECKPOINT = /^checkpoint-(\d+)$/;
const MAX_STATE_BYTES = 2 ** 20;

export function checkpointName(step: number): string {
  return `checkpoint-${step}`;
}

/** Steps of the checkpoints in a run folder, oldest first. */
export async function checkpointSteps(run: string): Promise<number[]> {
  const steps = (await listFolder(run, 'a run folder')).flatMap((name) => {
    const [, step] = CHECKPOINT.exec(name) ?? [];
    return step === undefined ? [] : [Number(step)];
  });
  return steps.sort((a, b) => a - b);
}

export interface CheckpointContents {
  readonly spec: DecoderSpec;
  readonly weights: Weights;
  readonly optimizer: ReadonlyMap<string, Float32Array>;
  readonly state: TrainerState;
  /** Text of the config.json, so that the folder is a model too. */
  readonly config: string;
}

/**
 * Writes `checkpoint-STEP` into a run folder, whole or not at all: a staging folder, synced, then renamed. Throws
 * `UserError('resource')` when the disk is full; older checkpoints are not touched.
 */
export async function writeCheckpoint(run: string, contents: CheckpointContents): Promise<void> {
  const { spec, weights, optimizer, state, config } = contents;
  await checkSpace(run, checkpointBytes(contents), 'a checkpoint', 'free some space and start the same command again');
  const folder = path.join(run, checkpointName(state.step));
  await replaceFolder(folder, { force: false, outdated: () => false, last: STATE_NAME }, async (staging) => {
    await writeWeights(staging, spec, weights);
    const tensors = [...optimizer].map(([name, data]) => ({ name, shape: [data.length], parts: [data] }));
    await writeTensors(path.join(staging, OPTIMIZER_NAME), tensors);
    await writeFile(path.join(staging, 'config.json'), config);
    await writeFile(path.join(staging, STATE_NAME), `${JSON.stringify({ format: FORMAT, ...state }, null, 2)}\n`);
  });
}

export function checkpointBytes({ weights, optimizer }: Pick<CheckpointContents, 'weights' | 'optimizer'>): number {
  return bytesOf(weights) + bytesOf(optimizer);
}

export function bytesOf(tensors: ReadonlyMap<string, Float32Array>): number {
  return [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

export async function removeCheckpoint(run: string, step: number): Promise<void> {
  const folder = path.join(run, checkpointName(step));
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    throw fileError(folder, 'a checkpoint that can be removed', error);
  }
}

const FORMAT = 'longrope-checkpoint/1';
const count = z.int('a whole number').min(0, 'a whole number');
const schema = z.object({
  format: z.literal(FORMAT, `"${FORMAT}"`),
  run: z.string('a hash'),
  step: count,
  tokens: count,
  sinceLog: z.object({ loss: z.number('a number'), tokens: count }, 'loss and tokens'),
});

/**
 * Fills `weights` and `optimizer` from the checkpoint of `step`. Throws one `UserError` with everything in it that is not of this
 * run or this model.
 */
export async function readCheckpoint(
  run: string,
  step: number,
  expected: {
    readonly weights: Weights;
    readonly optimizer: ReadonlyMap<string, Float32Array>;
    readonly run: string;
  },
): Promise<TrainerState> {
  const folder = path.join(run, checkpointName(step));
  const file = path.join(folder, STATE_NAME);
  const json = await readJsonObject(file, MAX_STATE_BYTES);
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw new UserError(
      'input',
      parsed.error.issues.map((issue) => ({
        where: `${file}: ${issue.path.join('.')}`,
        expected: issue.message,
        found: JSON.stringify(json[String(issue.path[0])]) ?? 'nothing',
      })),
    );
  const { format: _, ...state } = parsed.data;
  const problems: Problem[] = [];
  if (state.run !== expected.run)
    problems.push({ where: file, expected: 'a checkpoint of this run', found: 'one of another', fix: REMOVE });
  if (state.step !== step) problems.push({ where: `${file}: step`, expected: `${step}`, found: `${state.step}` });
  const { tensors: weights } = await loadModel(folder);
  const optimizerFile = path.join(folder, OPTIMIZER_NAME);
  const averages = new Map(
    (await withFile(optimizerFile, readSafetensorsHeader)).tensors.map((tensor) => [tensor.name, tensor] as const),
  );
  problems.push(...differentSizes(weights, expected.weights, folder));
  problems.push(...differentSizes(averages, expected.optimizer, optimizerFile));
  if (problems.length > 0) throw new UserError('input', problems);
  // One at a time: there is no room for a second set of either.
  for (const [name, tensor] of weights) expected.weights.get(name)?.set(await readTensor(tensor));
  for (const [name, tensor] of averages) expected.optimizer.get(name)?.set(await readTensor(tensor));
  return state;
}

const REMOVE = 'remove that folder, or resume the run it is of';

function differentSizes(from: ReadonlyMap<string, StoredTensor>, to: Weights, where: string): Problem[] {
  const names = [...new Set([...from.keys(), ...to.keys()])];
  return names.flatMap((name): Problem[] => {
    const source = from.get(name);
    const [found, expected] = [source && sizeOfShape(source.shape), to.get(name)?.length];
    const values = (size: number | undefined) => (size === undefined ? 'no tensor' : `${size} values`);
    return found === expected ? [] : [{ where: `${where}: ${name}`, expected: values(expected), found: values(found) }];
  });
}
