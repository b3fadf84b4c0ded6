import path from 'node:path';
import { type Problem, UserError } from '../../errors.js';
import { listFolder } from '../../run/list-folder.js';
import { describeValue } from '../describe.js';
import type { Checkpoint, StoredTensor } from '../types.js';
import { isObject, readJsonObject, withFile } from './file.js';
import { readSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.js';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** Indexes of models with tens of thousands of tensors have about 10 MB. */
const MAX_INDEX_BYTES = 100_000_000;

/** Whether a folder with these entries holds safetensors weights under one of the two names Hugging Face writes. */
export function hasSafetensors(entries: readonly string[]): boolean {
  return entries.includes(SINGLE) || entries.includes(INDEX);
}

/** The files of a folder's weights: one that hides an index, or the index and the shards it names, and no others. */
export async function weightFiles(folder: string): Promise<string[]> {
  if ((await listFolder(folder, 'a model folder that can be read')).includes(SINGLE)) return [SINGLE];
  const index = path.join(folder, INDEX);
  const shardOf = parseIndex(await readJsonObject(index, MAX_INDEX_BYTES), index);
  return [...[...new Set(shardOf.values())].sort(), INDEX];
}

/** The shards that an index in the folder names, in use or not; none where there is no index or a damaged one. */
export async function indexedFiles(folder: string): Promise<string[]> {
  const index = path.join(folder, INDEX);
  try {
    return [...new Set(parseIndex(await readJsonObject(index, MAX_INDEX_BYTES), index).values())];
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

/**
 * The tensors of `model.safetensors`, or else of the shards listed in `model.safetensors.index.json`. Reads headers only.
 * Throws one `UserError` with every problem of every shard.
 */
export async function openSafetensors(folder: string): Promise<Extract<Checkpoint, { format: 'safetensors' }>> {
  const single = path.join(folder, SINGLE);
  if ((await listFolder(folder, 'a model folder that can be read')).includes(SINGLE))
    return withFile(single, async (file) => toCheckpoint([file.path], [await readSafetensorsHeader(file)]));

  const indexPath = path.join(folder, INDEX);
  const shardOf = parseIndex(await readJsonObject(indexPath, MAX_INDEX_BYTES), indexPath);
  const problems: Problem[] = [];
  const files: string[] = [];
  const headers: SafetensorsHeader[] = [];
  const foundIn = new Map<string, string>();
  for (const shard of [...new Set(shardOf.values())].sort()) {
    try {
      await withFile(path.join(folder, shard), async (file) => {
        const header = await readSafetensorsHeader(file);
        files.push(file.path);
        headers.push(header);
        for (const name of [...header.tensors.map((tensor) => tensor.name), ...header.unreadable.keys()]) {
          const other = foundIn.get(name);
          if (other !== undefined)
            problems.push({
              where: `${folder}: ${name}`,
              expected: 'one shard that has it',
              found: `${other} and ${shard}`,
            });
          foundIn.set(name, shard);
        }
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(...error.problems);
      // Its tensors would otherwise all be reported as absent too.
      for (const [name, file] of shardOf) if (file === shard) foundIn.set(name, shard);
    }
  }
  for (const [name, shard] of shardOf)
    if (foundIn.get(name) !== shard)
      problems.push({
        where: `${indexPath}: ${name}`,
        expected: `the tensor in ${shard}`,
        found: foundIn.get(name) ?? 'it in no shard',
      });
  if (problems.length > 0) throw new UserError('input', problems);
  return toCheckpoint(files, headers);
}

function parseIndex(index: Record<string, unknown>, where: string): Map<string, string> {
  const { weight_map: map } = index;
  if (!isObject(map))
    throw new UserError('input', { where, expected: 'weight_map: {tensor: file}', found: describeValue(map) });
  const problems: Problem[] = [];
  // A path would let an index read files outside the model's folder.
  for (const [name, shard] of Object.entries(map))
    if (typeof shard !== 'string' || shard === '' || path.basename(shard) !== shard || /[\\\0]/.test(shard))
      problems.push({
        where: `${where}: ${name}`,
        expected: 'the name of a file in the same folder',
        found: describeValue(shard),
      });
  if (problems.length > 0) throw new UserError('input', problems);
  return new Map(Object.entries(map as Record<string, string>));
}

function toCheckpoint(files: readonly string[], headers: readonly SafetensorsHeader[]) {
  return {
    format: 'safetensors',
    files,
    tensors: new Map(
      headers.flatMap(({ tensors }) => tensors.map((tensor): [string, StoredTensor] => [tensor.name, tensor])),
    ),
    unreadable: new Map(headers.flatMap(({ unreadable }) => [...unreadable])),
  } as const;
}
