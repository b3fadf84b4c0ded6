import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type Problem, UserError } from '../errors.js';
import { errnoOf, fileError, type Json, sha256File, sha256Json } from '../run/index.js';
import { STAGE_KINDS } from './recipe.js';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const schema = z.strictObject({
  format: z.literal('longrope-stage/2'),
  name: z.string(),
  stage: z.enum(STAGE_KINDS),
  /** As the recipe has them. */
  settings: z.json(),
  /** What it was made from: names to hashes, of an earlier stage that of its record. */
  inputs: z.record(z.string(), hash),
  /** What it made: paths in the stage's folder to hashes. */
  outputs: z.record(z.string(), hash),
  /** What it found, in short. */
  figures: z.json(),
});

/** What a stage leaves behind when it is done; nothing in it depends on time or place. */
export type StageRecord = z.output<typeof schema>;

export function recordHash(record: StageRecord): string {
  return sha256Json(record as Json);
}

export async function hashOutputs(folder: string, outputs: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of [...outputs].sort()) hashes[name] = await sha256File(path.join(folder, name));
  return hashes;
}

const FIX = 'put it back as it was, or start in a new folder';

/** The record of a stage that is done. Throws `UserError('input')` if it is not as the stage wrote it. */
export async function readRecord(file: string, expectedHash: string): Promise<StageRecord> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError(file, 'the record of a stage that is done', error);
  });
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success || recordHash(parsed.data) !== expectedHash)
    throw new UserError('input', {
      where: file,
      expected: 'the record as the stage wrote it',
      found: 'another',
      fix: FIX,
    });
  return parsed.data;
}

/** Throws `UserError('input')` with every file that is not as the stage left it. */
export async function checkOutputs({ name: stage, outputs }: StageRecord, folder: string): Promise<void> {
  const problems: Problem[] = [];
  for (const [name, expected] of Object.entries(outputs)) {
    const output = path.join(folder, name);
    const found = await hashIfThere(output);
    if (found !== expected)
      problems.push({
        where: output,
        expected: `the file as stage ${stage} left it`,
        found: found === null ? 'nothing' : 'other contents',
        fix: FIX,
      });
  }
  if (problems.length > 0) throw new UserError('input', problems);
}

async function hashIfThere(file: string): Promise<string | null> {
  try {
    await stat(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw fileError(file, 'a readable file', error);
  }
  return sha256File(file);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
