import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestCase, type TestSpecification } from 'vitest/node';

/** Files that take many seconds each: started first, so that the workers end together. */
const SLOW = [
  ...['e2e/', 'browser/', 'search/resume', 'conformance/', 'corpus/tokenizer-golden'],
  ...['evaluation/longppl', 'runtime/', 'evaluation/', 'fuzz/', 'search/'],
];

class SlowFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const found = SLOW.findIndex((start) => moduleId.includes(`/test/${start}`));
      return found === -1 ? SLOW.length : found;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

function nameSecondTries(test: TestCase): void {
  if (!test.diagnostic()?.flaky) return;
  const [first] = test.result().errors ?? [];
  console.log(`second try: ${test.module.relativeModuleId}: ${test.fullName}: ${first?.message}`);
}

/** The first session of a process that takes denormals as zero (gradients) makes its thread do so for ever, JavaScript included. */
const GRADIENTS = 'test/{runtime,training}/**/*.test.ts';
const ALL = 'test/**/*.test.ts';
/** Runs every command of the pages, the demo among them: four minutes that `npm test` does not have. */
const DOCUMENTATION = 'test/e2e/documentation.test.ts';

export default defineConfig({
  test: {
    // Two cores: the pool of a test runs beside the next file.
    maxWorkers: 2,
    sequence: { sequencer: SlowFilesFirst },
    // Generous, since the machine may be busy elsewhere: what hangs is found all the same.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A machine we cannot look into gets a second try, and what needed it is named.
    retry: process.env.CI ? 1 : 0,
    reporters: ['default', { onTestCaseResult: nameSecondTries }],
    projects: [
      { extends: true, test: { name: 'gradients', include: [GRADIENTS] } },
      // No test changes what another one imports, and loading it anew for every file takes a fifth of the time.
      { extends: true, test: { name: 'others', include: [ALL], exclude: [GRADIENTS, DOCUMENTATION], isolate: false } },
      { extends: true, test: { name: 'documentation', include: [DOCUMENTATION] } },
    ],
  },
});
