import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { defineConfig } from 'vitest/config';

/** Folders of files that take many seconds each: started first, so that the workers end together. */
const SLOW = ['e2e/documentation', 'e2e/', 'browser/', 'evaluation/tiny-table', 'runtime/memory', 'search/', 'fuzz/'];

class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = SLOW.findIndex((start) => moduleId.includes(`/test/${start}`));
      return found === -1 ? SLOW.length : found;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Two cores: the pool of a test runs beside the next file.
    maxWorkers: 2,
    // No test changes what another one imports, and loading it anew for every file takes a fifth of the time.
    isolate: false,
    sequence: { sequencer: SlowFilesFirst },
    // Generous, since the machine may be busy elsewhere: what hangs is found all the same.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
