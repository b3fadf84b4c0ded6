// Search algorithms side by side: models, targets, budgets, seeds. Every cell is a search on the first five validation books and is
// scored on the seven test books and, apart from them, on six validation books that no default was ever chosen on.
//   node bench/search/run.mjs [--models tiny-pg19,second] [--scales 8] [--algorithms auto,cma-es,dim-mono@1] [--budgets 67,700,all] [--seeds 1,2,3]
// ALGORITHM+racing drops candidates early, ALGORITHM@NUMBER holds the attention factor; budgets are documents evaluated, `all` ends by
// the algorithm's own rule; --untimed keeps no seconds, for a machine that does other things. Cells that results.json holds are not computed again, a cell that was cut off goes on; tables: report.mjs.
import { mkdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parseBudget, parseRacing, searchByCurriculum } from '../../dist/index.js';
import { writeFileAtomic } from '../../dist/run/index.js';
import { books, MODELS } from './models.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'embedded' },
    scales: { type: 'string', default: '8' },
    algorithms: { type: 'string', default: 'auto' },
    budgets: { type: 'string', default: '67' },
    seeds: { type: 'string', default: '1' },
    untimed: { type: 'boolean', default: false },
    out: { type: 'string', default: path.join(root, 'runs/bench-search') },
  },
});
const list = (text) => text.split(',');
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const file = path.join(import.meta.dirname, 'results.json');
const { cells } = JSON.parse(await readFile(file, 'utf8').catch(() => '{"cells":{}}'));
const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} cores`;
await mkdir(values.out, { recursive: true });

for (const name of list(values.models)) {
  const model = await MODELS[name](values.out);
  for (const scale of list(values.scales).map(Number)) {
    const texts = await books(model.tokenizer, scale * model.originalLength);
    for (const algorithm of list(values.algorithms))
      for (const budget of list(values.budgets))
        for (const seed of list(values.seeds)) {
          const key = `${name}/${scale}x/${algorithm}/${budget}/${seed}`;
          if (cells[key] !== undefined) continue;
          cells[key] = await search(key, model, texts, { scale, algorithm, budget, seed: Number(seed) });
          const { documents, heldOut, yarn } = cells[key];
          console.log(
            `${key}: ${documents} documents, held-out ${heldOut.toFixed(2)} (YaRN ${yarn.heldOut.toFixed(2)})`,
          );
          const sorted = Object.fromEntries(
            Object.entries(cells).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })),
          );
          await writeFileAtomic(file, `${JSON.stringify({ cells: sorted }, null, 2)}\n`);
        }
  }
}

async function search(key, { folder, tokenizer, originalLength }, texts, { scale, algorithm, budget, seed }) {
  const [, name, racing, attention] = /^([a-z-]+)(\+racing)?(?:@([\d.]+))?$/.exec(algorithm);
  const out = path.join(values.out, key.replaceAll('/', '-'));
  const { result, before } = await searchByCurriculum({
    modelPath: folder,
    tokenizer,
    documents: texts.search,
    heldOut: [...texts.test, ...texts.others],
    textName: 'pg19',
    targetLength: scale * originalLength,
    algorithm: name,
    ...(racing && { racing: parseRacing('') }),
    ...(attention !== undefined && { hyperparameters: { attention_factor: Number(attention) } }),
    budget: parseBudget(budget === 'all' ? '1000000evals' : `${budget}evals`),
    seed,
    out,
    compare: false,
    command: `node bench/search/run.mjs --algorithms ${algorithm} --budgets ${budget} --seeds ${seed}`,
  });
  const scores = (of) => {
    const { documentLosses } = result.heldOut.scores.find((score) => score.name === of);
    const perplexity = (losses) => Math.exp(sum(losses) / losses.length);
    return {
      heldOut: perplexity(documentLosses.slice(0, texts.test.length)),
      otherBooks: perplexity(documentLosses.slice(texts.test.length)),
    };
  };
  const searches = [...before, { out, result }];
  const seconds = () => Promise.all(searches.map((one) => secondsOf(path.join(one.out, 'timings.jsonl'))));
  const spent = (unit) => sum(searches.map((one) => one.result.spent[unit]));
  return {
    documents: spent('documents'),
    tokens: spent('tokens'),
    seconds: values.untimed ? null : sum(await seconds()),
    search: Math.exp(result.winner.loss),
    ...scores('searched'),
    yarn: scores('YaRN'),
    attentionFactor: result.winner.candidate.attentionFactor,
    factors: [...result.winner.candidate.factors],
    machine,
  };
}

/** Of searching and of the final scores; what is held out is no part of a search. */
async function secondsOf(timings) {
  const lines = (await readFile(timings, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return sum(lines.filter(({ phase }) => phase !== 'held-out').map(({ seconds }) => seconds));
}
