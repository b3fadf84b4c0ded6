import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileError } from './file-error.js';

/** What nobody has written to for an hour belongs to a process that was killed. */
const ABANDONED_MS = 3_600_000;

/**
 * Where derived files (dequantised weights, digests) are kept: `LONGROPE_CACHE`, else `longrope` below
 * `XDG_CACHE_HOME`, else `~/.cache/longrope`. Everything in it can be deleted at any time.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env['LONGROPE_CACHE']) return path.resolve(env['LONGROPE_CACHE']);
  // The XDG specification says that relative paths are to be ignored.
  const xdg = env['XDG_CACHE_HOME'];
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache');
  return path.join(base, 'longrope');
}

/** Makes a folder of the cache; `UserError` where that is not possible. */
export async function makeCacheFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError(folder, 'a cache folder that can be written (LONGROPE_CACHE names another one)', error);
  }
}

/** Removes temporary files and folders of processes that are no more. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/\.tmp(\.old)?$/.test(name)) continue;
    const found = path.join(folder, name);
    if (Date.now() - (await lastWritten(found)) > ABANDONED_MS) await rm(found, { recursive: true, force: true });
  }
}

/** A folder is as old as the newest file in it; what has just gone is new. */
async function lastWritten(found: string): Promise<number> {
  const info = await stat(found).catch(() => null);
  if (info === null) return Date.now();
  const inside = info.isDirectory() ? await readdir(found).catch(() => []) : [];
  const times = await Promise.all(inside.map((name) => lastWritten(path.join(found, name))));
  return Math.max(info.mtimeMs, ...times);
}
