// What racing saves and what it gets wrong, on tiny-pg19 and five validation books at 512 tokens.
//   node bench/search/racing.mjs [--budget 350] [--seeds 1] [--settings 'cma-es;cma-es/racing']
// Every candidate that a race dropped is scored on all documents afterwards, outside the budget. Wrongly dropped is one that is better
// there than the best that its race was left with. Searches that racing-results.json holds are not run again, one that was cut off goes on.
import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  loadModel,
  modelObjective,
  openEngine,
  parseBudget,
  parseRacing,
  searchModel,
  textTable,
  tokenWeightedLoss,
} from '../../dist/index.js';
import { books, MODELS } from './models.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const TARGET = 512;
/** Name -> algorithm, its hyper-parameters, racing. */
const SETTINGS = {
  'cma-es': ['cma-es', {}],
  'cma-es/all documents': ['cma-es', { documents_per_generation: 'all' }],
  'cma-es/racing': ['cma-es', {}, ''],
  'cma-es/racing,cap=0.05': ['cma-es', {}, 'cap=0.05'],
  longrope: ['longrope', {}],
  'longrope/racing': ['longrope', {}, ''],
  'longrope/racing,cap=0.05': ['longrope', {}, 'cap=0.05'],
  'dim-mono': ['dim-mono', {}],
  'dim-mono/racing': ['dim-mono', {}, ''],
};
const { values } = parseArgs({
  options: {
    budget: { type: 'string', default: '350' },
    seeds: { type: 'string', default: '1' },
    settings: { type: 'string', default: Object.keys(SETTINGS).join(';') },
    out: { type: 'string', default: path.join(root, 'runs/search-racing') },
  },
});
const file = path.join(import.meta.dirname, 'racing-results.json');
const { rows } = JSON.parse(await readFile(file, 'utf8').catch(() => '{"rows":[]}'));
const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} cores`;

const { folder, tokenizer } = await MODELS['tiny-pg19']();
const { search: documents, test: heldOut } = await books(tokenizer, TARGET);
const model = await loadModel(folder);
const engine = await openEngine(model, { maxLength: TARGET });
const objective = modelObjective({
  engine,
  geometry: model.spec.rope.geometry,
  documents,
  bosTokenId: tokenizer.bosTokenId,
  lengths: [{ length: TARGET, weight: 1 }],
});

for (const name of values.settings.split(';'))
  for (const seed of values.seeds.split(',').map(Number)) {
    if (rows.some((row) => row.name === name && row.seed === seed && row.budget === Number(values.budget))) continue;
    const [algorithm, hyperparameters, racing] = SETTINGS[name];
    const out = path.join(values.out, `${name.replaceAll(/[ ,/=]+/g, '-')}-${values.budget}-${seed}`);
    const { result } = await searchModel({
      modelPath: folder,
      tokenizer,
      documents,
      heldOut,
      textName: 'pg19',
      targetLength: TARGET,
      algorithm,
      hyperparameters,
      ...(racing !== undefined && { racing: parseRacing(racing) }),
      budget: parseBudget(`${values.budget}evals`),
      seed,
      out,
      compare: false,
      command: 'node bench/search/racing.mjs',
    });
    const held = (of) => Math.exp(result.heldOut.scores.find((score) => score.name === of).loss);
    rows.push({
      name,
      seed,
      budget: Number(values.budget),
      search: Math.exp(result.winner.loss),
      heldOut: held('searched'),
      yarn: held('YaRN'),
      ...(result.races && { ...result.races, ...(await judge(path.join(out, 'journal.jsonl'))) }),
      machine,
    });
    await writeFile(file, `${JSON.stringify({ rows }, null, 2)}\n`);
  }
await engine.close();

const number = (value, digits) => (value === undefined ? '' : value.toFixed(digits));
console.log(
  textTable(
    [
      ['search', 'seed', 'perplexity', 'held-out', 'candidates', 'dropped', 'cost', 'wrongly'],
      ...rows.map((row) => [
        row.name,
        String(row.seed),
        number(row.search, 2),
        number(row.heldOut, 2),
        number(row.candidates, 0),
        number(row.dropped, 0),
        row.planned === undefined ? '' : `${Math.round((100 * row.evaluations) / row.planned)} %`,
        number(row.wrong, 0),
      ]),
    ].map((cells) => cells.map((text) => ({ text }))),
    { colour: false },
  ),
);

/**
 * All candidates of a search's races, scored on all documents: how many were dropped wrongly, and by how much at most. The best that a race
 * was left with is the best of those not dropped; where generations compare, of all so far.
 */
async function judge(journal) {
  const entries = (await readFile(journal, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).entry);
  const searched = entries.filter(({ phase, type }) => type === 'dropped' || phase === 'search');
  const across = !entries.some(({ phase, candidates }) => phase === 'final' && candidates.length > 1);
  const judged = { wrong: 0, wrongBy: 0 };
  let best = Number.POSITIVE_INFINITY;
  for (const generation of new Set(searched.map((entry) => entry.generation))) {
    const own = searched.filter((entry) => entry.generation === generation);
    const asked = new Map(
      own.flatMap(({ type, candidates }) =>
        type === 'batch' ? candidates.map((candidate) => [JSON.stringify(candidate), candidate]) : [],
      ),
    );
    const requests = [...asked.values()].flatMap(({ factors, ...candidate }) =>
      documents.map((_, document) => ({ candidate: { ...candidate, factors: Float64Array.from(factors) }, document })),
    );
    const losses = await objective.evaluate(requests);
    const count = documents.length;
    const loss = Array.from({ length: asked.size }, (_, i) =>
      tokenWeightedLoss(losses.slice(i * count, (i + 1) * count)),
    );
    const dropped = new Set(own.flatMap(({ type, candidates }) => (type === 'dropped' ? candidates : [])));
    best = Math.min(across ? best : Number.POSITIVE_INFINITY, ...loss.filter((_, i) => !dropped.has(i)));
    for (const i of dropped) {
      if (loss[i] >= best) continue;
      judged.wrong++;
      judged.wrongBy = Math.max(judged.wrongBy, best - loss[i]);
    }
  }
  return judged;
}
