import { Command } from 'commander';
import { positiveInteger, positiveNumber, tokenLength } from '../parsers.js';

export interface PlanFlags {
  readonly target: number;
  readonly original?: number;
  readonly documents: number;
  readonly calibrate: boolean;
  readonly gpu?: string;
  readonly gpuTflops?: number;
  readonly gpuMemory?: number;
  readonly gpuUtilisation?: number;
  readonly json?: true;
}

export function planCommand(): Command {
  return new Command('plan')
    .description(
      'Say what extending a model takes: stages, settings for each tool, FLOPs, memory, time. Runs nothing else.',
    )
    .argument('<model>', 'model folder, .gguf file or config.json (no weights needed)')
    .requiredOption('--target <tokens>', 'length to extend to, e.g. 128k', tokenLength)
    .option('--original <tokens>', 'original length, where the model does not say it', tokenLength)
    .option('--documents <n>', 'documents per length of an evaluation', positiveInteger, 10)
    .option('--no-calibrate', 'do not measure this machine (some seconds)')
    .option('--gpu <name>', 'GPU to estimate for (default: a100-80gb)')
    .option('--gpu-tflops <n>', 'peak of another GPU, dense bfloat16', positiveNumber)
    .option('--gpu-memory <gb>', 'memory of it', positiveNumber)
    .option('--gpu-utilisation <share>', 'share of the peak that is reached (default: 0.4)', positiveNumber)
    .option('--json', 'print the result as JSON')
    .action(async (model: string, flags: PlanFlags) => {
      const { runPlan } = await import('../actions/plan.js');
      await runPlan(model, flags);
    });
}
