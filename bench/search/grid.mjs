// The true optimum of the four factors of stories260K among those that never decrease, at one attention factor (1: for run.mjs with `@1`): every
// vector on a grid of steps of equal ratio, on two books; then, from the best of these, finer and finer grids around the best so far on all five.
//   node bench/search/grid.mjs [--scale 4] [--steps 12] [--attention-factor 1]        hours at --scale 8; it goes on where it stopped
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel, modelObjective, openEngine, tokenWeightedLoss } from '../../dist/index.js';
import { writeFileAtomic } from '../../dist/run/index.js';
import { books, MODELS } from './models.mjs';

const root = path.resolve(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '4' },
    steps: { type: 'string', default: '12' },
    'attention-factor': { type: 'string', default: '1' },
  },
});
const attentionFactor = Number(values['attention-factor']);
const name = `grid-${values.scale}x@${attentionFactor}`;
const work = path.join(root, 'runs/bench-search');
await mkdir(work, { recursive: true });
const { folder, tokenizer, originalLength } = await MODELS.stories260K(work);
const length = Number(values.scale) * originalLength;
const { search: documents } = await books(tokenizer, length);
const model = await loadModel(folder);
const engine = await openEngine(model, { maxLength: length });
const { geometry } = model.spec.rope;
const objective = modelObjective({ engine, geometry, bosTokenId: 1, documents, lengths: [{ length, weight: 1 }] });

/** Every loss that was ever computed, so that a grid can be left and taken up again. */
const journal = path.join(work, `${name}.jsonl`);
const known = new Map(
  (await readFile(journal, 'utf8').catch(() => ''))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line)),
);
const keyOf = (factors, count) => `${count}:${factors.map((factor) => factor.toFixed(6)).join()}`;

async function scored(vectors, count) {
  for (let at = 0; at < vectors.length; at += 50) {
    const fresh = vectors.slice(at, at + 50).filter((factors) => !known.has(keyOf(factors, count)));
    const requests = fresh.flatMap((factors) =>
      documents
        .slice(0, count)
        .map((_, document) => ({ candidate: { factors, attentionFactor, startTokens: 0 }, document })),
    );
    const losses = await objective.evaluate(requests);
    const lines = fresh.map((factors, i) => [
      keyOf(factors, count),
      tokenWeightedLoss(losses.slice(i * count, (i + 1) * count)),
    ]);
    for (const [key, loss] of lines) known.set(key, loss);
    await appendFile(journal, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    process.stderr.write(`\r${at + 50} of ${vectors.length} `);
  }
  return vectors
    .map((factors) => ({ factors, loss: known.get(keyOf(factors, count)) }))
    .sort((a, b) => a.loss - b.loss);
}

const largest = 1.25 * Number(values.scale);
const steps = Number(values.steps);
const ratio = largest ** (1 / (steps - 1));
const axis = Array.from({ length: steps }, (_, i) => ratio ** i);
const increasing = (choices) =>
  choices.reduce(
    (vectors, axis) => vectors.flatMap((v) => axis.filter((x) => x >= (v.at(-1) ?? 1) - 1e-9).map((x) => [...v, x])),
    [[]],
  );

const coarse = await scored(increasing([axis, axis, axis, axis]), 2);
let best = (
  await scored(
    coarse.slice(0, 40).map(({ factors }) => factors),
    5,
  )
).slice(0, 3);
for (let fine = Math.sqrt(ratio); fine > 1.01; ) {
  const around = best.flatMap(({ factors }) =>
    increasing(factors.map((x) => [x / fine, x, x * fine].map((y) => Math.min(largest, Math.max(1, y))))),
  );
  const unique = [...new Map(around.map((factors) => [keyOf(factors, 5), factors])).values()];
  const found = (await scored(unique, 5)).slice(0, 3);
  if (found[0].loss > best[0].loss - 1e-5) fine = Math.sqrt(fine);
  best = found;
  console.log(
    `step ${fine.toFixed(3)}: perplexity ${Math.exp(best[0].loss).toFixed(3)} at ${best[0].factors.map((x) => x.toFixed(3)).join(' ')}`,
  );
}
await engine.close();
const file = path.join(import.meta.dirname, `${name}.json`);
const result = {
  perplexity: Math.exp(best[0].loss),
  attentionFactor,
  factors: best[0].factors,
  evaluated: known.size,
  steps,
};
await writeFileAtomic(file, `${JSON.stringify(result, null, 2)}\n`);
