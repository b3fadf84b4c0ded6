import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['parity/*.test.ts'],
    // One engine at a time: torch and ours both take all cores.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 300_000,
    // The measured differences are the result; Vitest's own frame around each line is not.
    disableConsoleIntercept: true,
  },
});
