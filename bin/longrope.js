#!/usr/bin/env node
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// In a clone there is no install step to compile the sources (install scripts are off, see .npmrc), so the launcher builds
// dist/ when it is missing or older than src/. The published package has no src/ and goes straight to dist/.
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(full) : statSync(full).mtimeMs);
  }
  return latest;
}

const stamp = path.join(root, 'dist', '.built');
if (
  existsSync(path.join(root, 'src')) &&
  !(existsSync(stamp) && statSync(stamp).mtimeMs >= newest(path.join(root, 'src')))
) {
  const { build } = await import(pathToFileURL(path.join(root, 'scripts', 'build.js')).href);
  await build();
}

const { main } = await import(pathToFileURL(path.join(root, 'dist', 'program', 'main.js')).href);
process.exitCode = await main(process.argv.slice(2));
