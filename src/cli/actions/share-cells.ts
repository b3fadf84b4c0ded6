import { textTable } from '../../report/index.js';

/** Hits, trials, their share and its interval, as cells of a table. */
export function shareCells(hits: number, trials: number, interval: { low: number; high: number } | null): string[] {
  return [
    String(hits),
    String(trials),
    `${percent(hits / trials)} %`,
    interval === null ? '-' : `${percent(interval.low)} to ${percent(interval.high)}`,
  ];
}

export function percent(share: number): string {
  return (100 * share).toFixed(1);
}

export function plainTable(rows: readonly (readonly string[])[]): string {
  return textTable(
    rows.map((row) => row.map((text) => ({ text }))),
    { colour: process.stdout.isTTY === true },
  );
}
