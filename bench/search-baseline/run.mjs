// Search algorithms at equal budgets of documents evaluated, on a real model and real books.
// node bench/search-baseline/run.mjs [--budgets 350,700,1050] [--algorithms dim-mono,longrope@1,cma-es] [--seeds 1] [--out FOLDER]
// ALGORITHM@NUMBER holds the attention factor there. Held out are the seven test books and, apart from them, six validation books
// that no default was ever chosen on. Every search is a run folder below --out, so a bench that was cut off goes on where it stopped.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openTokenizer, parseBudget, readTexts, searchModel } from '../../dist/index.js';
import { machine, printTable } from '../side-by-side.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const shared = path.resolve(root, '../shared');
const { values } = parseArgs({
  options: {
    budgets: { type: 'string', default: '350,700,1050' },
    algorithms: { type: 'string', default: 'dim-mono,dim-mono@1,longrope,longrope@1,cma-es@1,cma-es' },
    seeds: { type: 'string', default: '1' },
    out: { type: 'string', default: path.join(root, 'runs/search-baseline') },
  },
});
const list = (text) => text.split(',');

const MODEL = path.join(root, 'models/tiny');
const TARGET = 2048;
const tokenizer = await openTokenizer(MODEL);
const options = { skipCharacters: 9000, minTokens: TARGET - 1 };
const validation = await readTexts([path.join(shared, 'data/pg19/validation')], tokenizer, options);
const documents = validation.slice(0, 5);
const testBooks = await readTexts([path.join(shared, 'data/pg19/test')], tokenizer, options);
const heldOut = [...testBooks, ...validation.slice(5)];
console.log(
  `search: ${documents.map(({ id }) => id).join(', ')}; held out: ${heldOut.map(({ id }) => id).join(', ')}; ${TARGET} tokens`,
);

const rows = [];
for (const entry of list(values.algorithms))
  for (const budget of list(values.budgets))
    for (const seed of list(values.seeds)) {
      const [algorithm, attentionFactor] = entry.split('@');
      const out = path.join(values.out, `${entry}-${budget}-${seed}`);
      await mkdir(values.out, { recursive: true });
      const { result } = await searchModel({
        modelPath: MODEL,
        tokenizer,
        documents,
        heldOut,
        textName: 'pg19',
        targetLength: TARGET,
        algorithm,
        ...(attentionFactor !== undefined && { hyperparameters: { attention_factor: Number(attentionFactor) } }),
        budget: parseBudget(`${budget}evals`),
        seed: Number(seed),
        out,
        compare: false,
        command: `node bench/search-baseline/run.mjs --algorithms ${entry} --budgets ${budget} --seeds ${seed}`,
      });
      const losses = (name) => result.heldOut.scores.find((score) => score.name === name).documentLosses;
      const onTest = (name) => Math.exp(mean(losses(name).slice(0, testBooks.length)));
      const onOthers = (name) => Math.exp(mean(losses(name).slice(testBooks.length)));
      rows.push({
        algorithm: entry,
        budget: Number(budget),
        seed: Number(seed),
        documents: result.spent.documents,
        search: Math.exp(result.winner.loss),
        heldOut: onTest('searched'),
        otherBooks: onOthers('searched'),
        attentionFactor: result.winner.candidate.attentionFactor,
        yarn: onTest('YaRN'),
        yarnOtherBooks: onOthers('YaRN'),
      });
      const row = rows.at(-1);
      console.log(
        `${entry} ${budget} seed ${seed}: held-out ${row.heldOut.toFixed(2)} (YaRN ${row.yarn.toFixed(2)}), other books ${row.otherBooks.toFixed(2)} (${row.yarnOtherBooks.toFixed(2)})`,
      );
    }

console.log();
printTable([
  ['algorithm', 'budget', 'seed', 'documents', 'search', 'held-out', 'other books', 'attention factor'],
  ...rows.map((row) => [
    ...[row.algorithm, row.budget, row.seed, row.documents],
    ...[row.search.toFixed(2), row.heldOut.toFixed(2), row.otherBooks.toFixed(2), row.attentionFactor.toFixed(3)],
  ]),
]);
await writeFile(path.join(import.meta.dirname, 'results.json'), `${JSON.stringify({ machine, rows }, null, 2)}\n`);

function mean(numbers) {
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}
