import { Command } from 'commander';
import { lengthList } from '../parsers.js';

export interface InspectFlags {
  readonly length?: readonly number[];
  readonly json?: true;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('Show what the RoPE of a model means and what every engine will make of it.')
    .argument('<model>', 'config.json, model folder or .gguf file; no weights are needed')
    .option(
      '--length <list>',
      'sequence lengths, e.g. 4k,32k (default: around the original length, and the maximum)',
      lengthList,
    )
    .option('--json', 'print the result as JSON')
    .action(async (model: string, flags: InspectFlags) => {
      const { runInspect } = await import('../actions/inspect.js');
      await runInspect(model, flags);
    });
}
