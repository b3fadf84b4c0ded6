import { Command, Option } from 'commander';
import { lengthList, positiveInteger } from '../parsers.js';
import { addEvaluationOptions, type EvaluationFlags } from './evaluation-options.js';
import { addGenerationOptions, type GenerationFlags } from './generation-options.js';

export interface PasskeyFlags extends EvaluationFlags, GenerationFlags {
  readonly protocol: 'paper' | 'released';
  readonly trials: number;
}

export function passkeyCommand(): Command {
  const command = new Command('passkey')
    .description('Find a number hidden in repeated sentences, at any length: the passkey test of the LongRoPE paper.')
    .argument('<model>', 'folder with config.json and safetensors, or a .gguf file')
    .addOption(
      new Option('--protocol <name>', 'paper: five digits, exact lengths; released: as the released script')
        .choices(['paper', 'released'])
        .default('paper'),
    )
    .option('--trials <n>', 'trials per length', positiveInteger, 10);
  return addEvaluationOptions(addGenerationOptions(command, lengthList)).action(
    async (model: string, flags: PasskeyFlags) => {
      const { runEvaluatePasskey } = await import('../actions/evaluate-passkey.js');
      await runEvaluatePasskey(model, flags);
    },
  );
}
