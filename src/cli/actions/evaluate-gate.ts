import { UserError } from '../../errors.js';
import type { GateRow } from '../../evaluation/index.js';
import { textTable } from '../../report/index.js';
import { evaluateGate, type GateResult } from '../../workflow/evaluate-gate.js';
import type { GateFlags } from '../commands/evaluate-gate.js';

export async function runGateCommand(before: string, after: string, flags: GateFlags): Promise<void> {
  const result = await evaluateGate({
    before,
    after,
    maxPerplexityIncrease: flags.maxPerplexityIncrease,
    maxAccuracyDrop: flags.maxAccuracyDrop,
    onlySignificant: flags.significant === true,
    ...(flags.beforeMethod !== undefined && { beforeMethod: flags.beforeMethod }),
    ...(flags.afterMethod !== undefined && { afterMethod: flags.afterMethod }),
  });
  process.stdout.write(flags.json ? `${JSON.stringify(result, null, 2)}\n` : `${gateText(result)}\n`);
  const failed = result.rows.filter(({ passed }) => !passed);
  if (failed.length > 0)
    throw new UserError(
      'gate',
      failed.map((row) => ({
        where: row.name,
        expected: row.kind === 'perplexity' ? `at most ${row.limit} % more` : `at most ${row.limit} points less`,
        found: change(row),
      })),
    );
}

function gateText({ before, after, rows, passed }: GateResult): string {
  const header = ['measure', 'before', 'after', 'change', '95 % interval', 'p (Holm)', 'pairs', 'verdict'];
  const cells = rows.map((row) => [
    row.name,
    row.before.toFixed(2),
    row.after.toFixed(2),
    change(row),
    row.interval === null ? '-' : `${signed(row.interval.low)} to ${signed(row.interval.high)}`,
    row.pValue < 0.001 ? '< 0.001' : row.pValue.toFixed(3),
    String(row.pairs),
    row.passed ? 'pass' : 'FAIL',
  ]);
  return [
    `${before.path} (${before.method}) against ${after.path} (${after.method})`,
    textTable(
      [header, ...cells].map((row) => row.map((text) => ({ text }))),
      {
        colour: process.stdout.isTTY === true,
      },
    ),
    passed ? 'gate passed' : 'gate failed',
  ].join('\n');
}

function change({ kind, change: value }: GateRow): string {
  return `${signed(value)} ${kind === 'perplexity' ? '%' : 'points'}`;
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(2)}`;
}
