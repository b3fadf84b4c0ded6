import { Command, InvalidArgumentError } from 'commander';

export interface GateFlags {
  readonly maxPerplexityIncrease: number;
  readonly maxAccuracyDrop: number;
  readonly significant?: true;
  readonly beforeMethod?: string;
  readonly afterMethod?: string;
  readonly json?: true;
}

export function gateCommand(): Command {
  return new Command('gate')
    .description(
      'Compare short contexts before and after an extension, on perplexity at and below the original length and on benchmarks; exit code 7 past a stated loss.',
    )
    .argument('<before>', 'result.json, run folder, or folder of run folders')
    .argument('<after>', 'the same for the extended model or factors')
    .option('--max-perplexity-increase <percent>', 'largest growth of a perplexity that passes', number, 2)
    .option('--max-accuracy-drop <points>', 'largest fall of a benchmark score that passes', number, 1)
    .option('--significant', 'fail only where the loss is also significant (paired test, Holm-corrected p < 0.05)')
    .option('--before-method <method>', 'which --rope of the records, where they hold several')
    .option('--after-method <method>', 'the same for after')
    .option('--json', 'print the result as JSON')
    .action(async (before: string, after: string, flags: GateFlags) => {
      const { runGateCommand } = await import('../actions/evaluate-gate.js');
      await runGateCommand(before, after, flags);
    });
}

function number(text: string): number {
  const value = Number(text.replace(/%$/, ''));
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('Expected a number of 0 or more.');
  return value;
}
