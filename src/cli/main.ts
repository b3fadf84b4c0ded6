import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT_CODES, UserError } from '../errors.js';
import { printable } from '../report/text-table.js';
import { demoCommand } from './commands/demo.js';
import { evaluateCommand } from './commands/evaluate.js';
import { exportCommand } from './commands/export.js';
import { extendCommand } from './commands/extend.js';
import { finetuneCommand } from './commands/finetune.js';
import { inspectCommand } from './commands/inspect.js';
import { planCommand } from './commands/plan.js';
import { pullCommand } from './commands/pull.js';
import { reportCommand } from './commands/report.js';
import { searchCommand } from './commands/search.js';
import { tokenizeCommand } from './commands/tokenize.js';
import { verifyCommand } from './commands/verify.js';

/**
 * Runs one command line and returns the exit code. A user's mistake prints what is wrong and nothing else; a bug is thrown
 * on, so that Node prints its stack.
 */
export async function main(rawArguments: readonly string[]): Promise<number> {
  const program = createProgram();
  process.stdout.on('error', unwritable);
  try {
    await program.parseAsync([...rawArguments], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
    if (error instanceof UserError) {
      const lines = error.message.split('\n').map((line) => `error: ${printable(line)}\n`);
      process.stderr.write(lines.join(''));
      return EXIT_CODES[error.kind];
    }
    throw error;
  }
}

/** A reader that has seen enough (`| head`) is no mistake, and no reason to end otherwise than without it. */
function unwritable(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return;
  process.stderr.write(`error: standard output: expected room for what is printed, found ${error.code}\n`);
  process.exit(EXIT_CODES.resource);
}

function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const program = new Command('longrope')
    .description(
      'Extend the context window of RoPE language models: search rescale factors, evaluate and compare them.',
    )
    .version(version)
    .showHelpAfterError('(--help lists the options)')
    .addHelpText(
      'after',
      `\nExit codes: ${Object.entries(EXIT_CODES)
        .map(([kind, code]) => `${code} ${kind}`)
        .join(', ')}; 1 a bug.`,
    );
  for (const command of [
    demoCommand(),
    searchCommand(),
    extendCommand(),
    evaluateCommand(),
    finetuneCommand(),
    exportCommand(),
    verifyCommand(),
    inspectCommand(),
    planCommand(),
    tokenizeCommand(),
    pullCommand(),
    reportCommand(),
  ])
    program.addCommand(command);
  strict(program);
  return program;
}

/** commander passes `exitOverride` to subcommands only when they are made by it. */
function strict(command: Command): void {
  command.exitOverride().allowExcessArguments(false).allowUnknownOption(false).showSuggestionAfterError(true);
  for (const sub of command.commands) strict(sub);
}
