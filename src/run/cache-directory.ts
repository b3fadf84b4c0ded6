import os from 'node:os';
import path from 'node:path';

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
