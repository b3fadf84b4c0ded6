import { Command } from 'commander';

export interface ReportFlags {
  readonly out?: string;
  readonly title?: string;
  readonly reference?: string;
  readonly json?: true;
}

export function reportCommand(): Command {
  return new Command('report')
    .description('One page for any set of evaluations, several models or factor sets side by side.')
    .argument('<input...>', 'result.json files, run folders, folders of run folders, report.json of searches')
    .option('--out <file>', 'self-contained HTML page to write')
    .option('--title <text>', 'of the page')
    .option('--reference <series>', 'what the others are compared with (default: the unscaled model)')
    .option('--json', 'print the view as JSON instead of tables')
    .action(async (inputs: string[], flags: ReportFlags) => {
      const { runReport } = await import('../actions/report.js');
      await runReport(inputs, flags);
    });
}
