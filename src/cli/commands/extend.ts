import { Command, InvalidArgumentError } from 'commander';
import { positiveInteger } from '../parsers.js';
import { type DeviceName, deviceOption } from './device-option.js';

export interface ExtendFlags {
  readonly out?: string;
  readonly model?: string;
  readonly text: ReadonlyMap<string, readonly string[]>;
  readonly factors: ReadonlyMap<string, readonly string[]>;
  readonly checkpoint: ReadonlyMap<string, readonly string[]>;
  readonly dryRun?: true;
  readonly calibrate: boolean;
  readonly device: DeviceName;
  readonly workers?: number;
  readonly threads?: number;
  readonly json?: true;
}

export function extendCommand(): Command {
  return new Command('extend')
    .description(
      'Run the stages of a recipe: search, finetune, readjust, evaluate, export; the same command resumes it.',
    )
    .argument('<recipe>', 'YAML file, or the name of a recipe of the package, e.g. tiny-512x')
    .option('--out <folder>', 'run folder (needed unless --dry-run)')
    .option('--model <path>', "another base model than the recipe's")
    .option('--text <name=path>', 'paths of a text of the recipe, in place of its own; repeatable', named, new Map())
    .option('--factors <name=path>', 'a factor file of the recipe; repeatable', named, new Map())
    .option('--checkpoint <stage=folder>', 'what a training elsewhere made; repeatable', named, new Map())
    .option('--dry-run', 'show the stages and what they cost, run nothing')
    .option('--no-calibrate', 'with --dry-run: do not measure this machine')
    .addOption(deviceOption())
    .option('--workers <n>', 'evaluations at the same time (default: what cores and memory allow)', positiveInteger)
    .option(
      '--threads <n>',
      'threads of one evaluation (default: cores / workers) and of a training (default: all cores), a setting of every finetune stage',
      positiveInteger,
    )
    .option('--json', 'print the result as JSON')
    .action(async (recipe: string, flags: ExtendFlags) => {
      const { runExtend } = await import('../actions/extend.js');
      await runExtend(recipe, flags);
    });
}

function named(text: string, previous: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('Expected NAME=PATH.');
  const [name, path] = [text.slice(0, at), text.slice(at + 1)];
  return new Map([...previous, [name, [...(previous.get(name) ?? []), path]]]);
}
