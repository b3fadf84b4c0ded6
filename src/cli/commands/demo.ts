import { Command } from 'commander';
import { positiveInteger, wholeNumber } from '../parsers.js';
import { type DeviceName, deviceOption } from './device-option.js';

export interface DemoFlags {
  readonly out: string;
  readonly budget: string;
  readonly seed: number;
  readonly device: DeviceName;
  readonly workers?: number;
  readonly json?: true;
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('Search 8 times the context of the embedded model on Moby-Dick, compare, write factors and a report.')
    .option('--out <folder>', 'run folder', 'longrope-demo')
    .option('--budget <amount>', 'what the search may spend, e.g. 84evals, 2Mtokens, 60s', '120evals')
    .option('--seed <n>', 'of the search', wholeNumber, 1)
    .addOption(deviceOption())
    .option('--workers <n>', 'evaluations at the same time', positiveInteger)
    .option('--json', 'print the report as JSON')
    .action(async (flags: DemoFlags) => {
      const { runDemo } = await import('../actions/demo.js');
      await runDemo(flags);
    });
}
