import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const source = path.resolve(import.meta.dirname, '../../src');

/**
 * The one-way rule of docs/architecture.md: a folder may import the folders named here, itself and `errors.ts`.
 * A new folder has to be entered before it can be used.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  rope: [],
  run: [],
  hub: ['run'],
  model: ['rope', 'run'],
  graph: ['rope', 'model'],
  runtime: ['rope', 'model', 'graph', 'run'],
  corpus: ['rope', 'model', 'run'],
  evaluation: ['rope', 'model', 'graph', 'runtime', 'corpus', 'run'],
  search: ['rope', 'model', 'graph', 'runtime', 'corpus', 'evaluation', 'run'],
  training: ['rope', 'model', 'runtime', 'corpus', 'evaluation', 'run'],
  report: ['rope', 'model', 'evaluation', 'search'],
  export: ['rope', 'run', 'model', 'graph', 'corpus'],
  verify: ['rope', 'run'],
  web: ['report'],
  extension: ['rope', 'run', 'corpus', 'evaluation', 'search', 'training', 'export', 'plan'],
  workflow: [
    'rope',
    'run',
    'model',
    'runtime',
    'corpus',
    'evaluation',
    'search',
    'training',
    'report',
    'export',
    'verify',
    'hub',
    'plan',
    'extension',
  ],
  plan: ['rope', 'model', 'export'],
  cli: ['run', 'corpus', 'evaluation', 'search', 'training', 'report', 'workflow'],
};

/** Packages that enter at one seam. */
const SEAMS: Record<string, readonly string[]> = {
  'onnxruntime-node': ['runtime/session.ts'],
  'onnx-proto': ['graph/onnx-builder.ts'],
  '@huggingface/hub': ['hub/list-repository.ts'],
  execa: ['search/outside/worker-process.ts'],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

function imports(): Import[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => {
      const file = name.split(path.sep).join('/');
      const text = readFileSync(path.join(source, name), 'utf8');
      return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => ({
        file,
        target: match[1] as string,
      }));
    });
}

const folderOf = (file: string) => (file.includes('/') ? (file.split('/')[0] as string) : '');

describe('dependencies', () => {
  const all = imports();

  it('finds the imports it judges', () => {
    expect(all.length).toBeGreaterThan(100);
  });

  it('point one way', () => {
    const wrong = all.flatMap(({ file, target }) => {
      if (!target.startsWith('.')) return [];
      const from = folderOf(file);
      const to = folderOf(path.posix.normalize(path.posix.join(path.posix.dirname(file), target)));
      if (to === from || to === '' || from === '') return [];
      return MAY_IMPORT[from]?.includes(to) ? [] : [`${file} imports ${target}`];
    });
    expect(wrong).toEqual([]);
  });

  it('enter each engine at its one seam', () => {
    const wrong = all.filter(({ file, target }) => SEAMS[target] && !SEAMS[target].includes(file));
    expect(wrong).toEqual([]);
  });

  it('know every folder', () => {
    const folders = new Set(all.map(({ file }) => folderOf(file)).filter((folder) => folder !== ''));
    expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
  });
});
