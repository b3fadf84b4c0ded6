import { type Cell, printable, textTable } from '../../report/text-table.js';
import { type EngineLine, type InspectedTable, type Inspection, inspectModel } from '../../workflow/inspect.js';
import type { InspectFlags } from '../commands/inspect.js';
import { verdictText } from './engine-verdict.js';

const BAR_WIDTH = 40;

export async function runInspect(model: string, { length, json }: InspectFlags): Promise<void> {
  const result = await inspectModel(model, length);
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : text(result));
}

function text(result: Inspection): string {
  const unclear = (value: number | null) => value ?? 'unclear';
  const layers = result.localTable === null ? '' : 'global layers, ';
  const sections = [
    [
      `${result.file}: original length ${unclear(result.originalLength)}, maximum ${unclear(result.maximumLength)}, critical pair ${unclear(result.criticalPair)}`,
      ...result.refusals.map((line) => `refused by the loader: ${line}`),
      ...result.repairs.map((line) => `read as: ${line}`),
    ],
    table([['value', '', 'from'], ...result.values.map(origin)]),
    distinct(result.tables)
      .flatMap((each) => [...plot(`${layers}at ${each.length} tokens`, each), ''])
      .slice(0, -1),
    result.localTable === null ? [] : plot('local layers, at every length', result.localTable),
    result.traps.map(
      ({ id, severity, where, what, fix, link }) => `${severity} ${id}: ${where}: ${what}; ${fix} (${link})`,
    ),
    table([['engine', 'length', 'table', 'attention', 'context', 'verdict'], ...result.engines.map(row)]),
    levers(result.engines),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map(printable).join('\n'))
    .join('\n\n')}\n`;
}

/** Figures to the right, the last column, which is text, to the left. */
function table(rows: readonly (readonly string[])[]): string[] {
  if (rows.length < 2) return [];
  const figures = rows.map((cells) => cells.slice(0, -1).map((value): Cell => ({ text: value })));
  const lines = textTable(figures, { colour: false }).split('\n');
  return lines.map((line, i) => `${line}  ${rows[i]!.at(-1)!}`);
}

function origin({ name, value, key, file, rule }: Inspection['values'][number]): string[] {
  const place = key === null ? [] : [`${key} (${file})`];
  const list = name.endsWith('factors') ? `${value} numbers` : `${value}`;
  return [name, list, [...place, ...(rule === null ? [] : [rule])].join(', ')];
}

function row({
  engine,
  length,
  table: name,
  attentionFactor,
  effectiveContext,
  judgement,
  notes,
}: EngineLine): string[] {
  return [
    engine,
    `${length}`,
    name ?? '-',
    attentionFactor?.toPrecision(6) ?? '-',
    `${effectiveContext ?? '-'}`,
    [verdictText(judgement), ...notes].join('; '),
  ];
}

/** One line per engine that needs something, and what that is. */
function levers(lines: readonly EngineLine[]): string[] {
  const found = new Set<string>();
  for (const { engine, judgement } of lines)
    if (judgement.verdict === 'differs' || judgement.verdict === 'unsupported')
      found.add(`${engine}: ${judgement.lever ?? 'no lever'}`);
  return found.size === 0 ? [] : ['what to do:', ...[...found].map((line) => `  ${line}`)];
}

/** Tables that are equal are shown once, at the greatest length. */
function distinct(tables: readonly InspectedTable[]): InspectedTable[] {
  const same = (a: InspectedTable, b: InspectedTable) =>
    a.inverseFrequency.every((frequency, pair) => frequency === b.inverseFrequency[pair]);
  return tables.filter((each, i) => !tables.slice(i + 1).some((later) => same(each, later)));
}

/** One line per pair: inverse frequency, wavelength on a logarithmic bar, and the factor. */
function plot(
  title: string,
  { inverseFrequency, wavelength, factors, attentionFactor }: Omit<InspectedTable, 'length'>,
): string[] {
  const finite = wavelength.filter((value) => value !== null);
  const [low, high] = [Math.log(Math.min(...finite)), Math.log(Math.max(...finite))];
  const bar = (value: number) =>
    '#'.repeat(1 + Math.round(((BAR_WIDTH - 1) * (Math.log(value) - low)) / (high - low || 1)));
  return [
    `${title}, attention factor ${attentionFactor.toPrecision(6)}`,
    'pair  radians/token  wavelength in tokens (log bar), factor',
    ...wavelength.map((value, pair) =>
      value === null
        ? `${String(pair).padStart(4)} ${'0'.padStart(14)}    does not turn`
        : `${String(pair).padStart(4)} ${inverseFrequency[pair]!.toExponential(4).padStart(14)} ${value.toPrecision(4).padStart(10)} ${bar(value).padEnd(BAR_WIDTH)} x${factors[pair]!.toPrecision(4)}`,
    ),
  ];
}
