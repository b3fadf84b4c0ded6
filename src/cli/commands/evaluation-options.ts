import type { Command } from 'commander';
import { collect, positiveInteger } from '../parsers.js';
import { type DeviceName, deviceOption } from './device-option.js';

/** Flags that every `evaluate` command has. */
export interface EvaluationFlags {
  readonly rope?: string[];
  readonly tokenizer?: string;
  readonly out?: string;
  readonly device: DeviceName;
  readonly workers?: number;
  readonly threads?: number;
  readonly json?: true;
}

export function addEvaluationOptions(command: Command): Command {
  return command
    .option(
      '--rope <method>',
      'model, none, pi, ntk, yarn, dynamic, llama3, a factor file, or rope_parameters as JSON; :RATIO and @ATTENTION may follow; repeatable (default: model)',
      collect,
    )
    .option('--tokenizer <path>', "another tokenizer than the model's own")
    .option('--out <folder>', 'run folder: result.json, report.html and a journal; the same command resumes it')
    .addOption(deviceOption())
    .option('--workers <n>', 'evaluations at the same time (default: what cores and memory allow)', positiveInteger)
    .option('--threads <n>', 'threads of one evaluation (default: cores / workers)', positiveInteger)
    .option('--json', 'print the result as JSON');
}
