import { type Cell, textTable } from '../../report/index.js';
import { type EngineLine, type InspectedTable, inspectModel } from '../../workflow/inspect.js';
import type { InspectFlags } from '../commands/inspect.js';

const BAR_WIDTH = 40;

export async function runInspect(model: string, { length, json }: InspectFlags): Promise<void> {
  const result = await inspectModel(model, length);
  if (json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const lines = [
    `${result.file}: original length ${result.originalLength ?? 'unclear'}, maximum ${result.maximumLength ?? 'unclear'}, critical pair ${result.criticalPair ?? 'unclear'}`,
    ...result.refusals.map((text) => `refused by the loader: ${text}`),
    ...result.repairs.map((text) => `read as: ${text}`),
    '',
  ];
  const last = result.tables.at(-1);
  if (last !== undefined) lines.push(...plot(last), '');
  for (const { id, where, what, fix } of result.traps) lines.push(`trap ${id}: ${where}: ${what}; ${fix}`);
  if (result.traps.length > 0) lines.push('');
  const header = ['engine', 'length', 'table', 'attention', 'context', 'verdict'];
  const rows = [header, ...result.engines.map(row)].map((cells) => cells.map((text): Cell => ({ text })));
  process.stdout.write(`${lines.join('\n')}\n${textTable(rows, { colour: false })}\n`);
}

function row({ engine, length, table, attentionFactor, effectiveContext, judgement, notes }: EngineLine): string[] {
  const verdict = { ...judgement };
  const text =
    verdict.verdict === 'exact'
      ? 'exact'
      : verdict.verdict === 'differs'
        ? `differs: ${verdict.largestAngleError.toPrecision(3)} rad, attention x${verdict.attentionFactorRatio.toPrecision(6)}`
        : verdict.verdict === 'unsupported'
          ? `unsupported: ${verdict.dropped.join('; ')}`
          : `unknown: ${verdict.reason}`;
  return [
    engine,
    `${length}`,
    table ?? '-',
    attentionFactor?.toPrecision(6) ?? '-',
    `${effectiveContext ?? '-'}`,
    [text, ...notes].join('; '),
  ];
}

/** One line per pair: wavelength on a logarithmic bar, and the factor. */
function plot({ length, wavelength, factors }: InspectedTable): string[] {
  const finite = wavelength.filter(Number.isFinite);
  const [low, high] = [Math.log(Math.min(...finite)), Math.log(Math.max(...finite))];
  const bar = (value: number) =>
    '#'.repeat(
      Number.isFinite(value) ? 1 + Math.round(((BAR_WIDTH - 1) * (Math.log(value) - low)) / (high - low || 1)) : 0,
    );
  return [
    `wavelength in tokens (log bar) and factor per pair at ${length} tokens`,
    ...wavelength.map(
      (value, pair) =>
        `${String(pair).padStart(4)} ${value.toPrecision(4).padStart(10)} ${bar(value).padEnd(BAR_WIDTH)} x${factors[pair]!.toPrecision(4)}`,
    ),
  ];
}
