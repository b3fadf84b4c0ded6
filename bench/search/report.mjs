// What results.json of run.mjs shows, as tables: node bench/search/report.mjs
// Reaching: the cheapest budget whose set is at least as good on all search documents as what `dim-mono@1` ends with; medians over seeds.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { textTable } from '../../dist/index.js';

const { cells } = JSON.parse(await readFile(path.join(import.meta.dirname, 'results.json'), 'utf8'));
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
/** null where a cell was computed on a busy machine. */
const seconds = (value) => value?.toFixed(0) ?? '';
/** Node 20 has no Object.groupBy. */
const groupBy = (items, keyOf) => {
  const groups = {};
  for (const item of items) {
    groups[keyOf(item)] ??= [];
    groups[keyOf(item)].push(item);
  }
  return groups;
};
const print = (title, head, rows) => {
  if (rows.length === 0) return;
  const table = [head, ...rows].map((row) => row.map((text) => ({ text: String(text) })));
  console.log(`${title}\n${textTable(table, { colour: false })}\n`);
};

/** Seeds of one model, scale, algorithm and budget as one row. */
const rows = Object.values(
  groupBy(
    Object.entries(cells).map(([key, cell]) => {
      const [model, scale, algorithm, budget, seed] = key.split('/');
      return { setting: `${model}, ${scale}`, algorithm, budget, seed, ...cell };
    }),
    ({ setting, algorithm, budget }) => `${setting}/${algorithm}/${budget}`,
  ),
).map((seeds) => {
  const of = (value) => median(seeds.map(value));
  return {
    ...seeds[0],
    seeds: seeds.length,
    documents: of((cell) => cell.documents),
    tokens: of((cell) => cell.tokens),
    seconds: seeds.some((cell) => cell.seconds === null) ? null : of((cell) => cell.seconds),
    search: of((cell) => cell.search),
    heldOut: of((cell) => cell.heldOut),
    otherBooks: of((cell) => cell.otherBooks),
  };
});

for (const [setting, group] of Object.entries(groupBy(rows, (row) => row.setting))) {
  const { yarn } = group[0];
  print(
    `${setting}: YaRN (attention factor 1) ${yarn.heldOut.toFixed(2)}, other books ${yarn.otherBooks.toFixed(2)}`,
    ['algorithm', 'budget', 'seeds', 'documents', 'Mtokens', 'seconds', 'search books', 'held-out', 'other books'],
    group
      .toSorted((a, b) => a.documents - b.documents)
      .map((row) => [
        ...[row.algorithm, row.budget, row.seeds, row.documents, (row.tokens / 1e6).toFixed(2), seconds(row.seconds)],
        ...[row.search, row.heldOut, row.otherBooks].map((value) => value.toFixed(2)),
      ]),
  );
  const released = group
    .filter(({ algorithm }) => algorithm === 'dim-mono@1')
    .toSorted((a, b) => b.tokens - a.tokens)[0];
  if (released === undefined) continue;
  print(
    `${setting}: reaching the ${released.search.toFixed(2)} that dim-mono@1 ends with after ${released.documents} documents`,
    ['algorithm', 'documents', 'Mtokens', 'of its tokens', 'seconds', 'of its seconds'],
    Object.entries(groupBy(group, (row) => row.algorithm)).map(([algorithm, budgets]) => {
      const [row] = budgets.filter(({ search }) => search <= released.search).toSorted((a, b) => a.tokens - b.tokens);
      if (row === undefined) return [algorithm, 'not reached', '', '', '', ''];
      const share = (value) => (released[value] && row[value] ? `1/${(released[value] / row[value]).toFixed(0)}` : '');
      return [
        algorithm,
        row.documents,
        (row.tokens / 1e6).toFixed(2),
        share('tokens'),
        seconds(row.seconds),
        share('seconds'),
      ];
    }),
  );
}
