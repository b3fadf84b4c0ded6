// Scores factors with longrope's own engine: the shortest program that has everything, gradients included. A search with it ends
// with the same bits as `longrope search MODEL --text ... --held-out ...`.
//
//   node objective.js MODEL --text PATH [--held-out PATH] [--samples N]

import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { hashDocuments, hashModel, loadModel, modelObjective, openEngine, openTokenizer, readTexts } from 'longrope';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    text: { type: 'string', multiple: true },
    'held-out': { type: 'string', multiple: true, default: [] },
    samples: { type: 'string', default: '5' },
  },
});
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// The search speaks first: it says what length texts are to be cut to.
const { targetLength } = JSON.parse((await lines.next()).value);

const model = await loadModel(positionals[0]);
const tokenizer = await openTokenizer(positionals[0]);
const minTokens = targetLength - (tokenizer.bosTokenId === null ? 0 : 1);
const searched = (await readTexts(values.text, tokenizer, { minTokens })).slice(0, Number(values.samples));
const heldOut = values['held-out'].length === 0 ? [] : await readTexts(values['held-out'], tokenizer, { minTokens });
const documents = [...searched, ...heldOut];
const engine = await openEngine(model, { maxLength: targetLength, workers: 1, gradients: true });
const objective = modelObjective({
  engine,
  geometry: model.spec.rope.geometry,
  documents,
  bosTokenId: tokenizer.bosTokenId,
  lengths: [{ length: targetLength, weight: 1 }],
});

const announced = objective.documents.map((name, i) => ({ name, tokens: objective.scoredTokens[i] }));
say({
  type: 'hello',
  protocol: 'longrope-objective/1',
  name: `longrope's engine on ${positionals[0]}`,
  fingerprint: `${await hashModel(model)} ${hashDocuments(documents)}`,
  gradients: true,
  documents: announced.slice(0, searched.length),
  heldOut: announced.slice(searched.length),
});

for await (const line of lines) {
  const { id, document, gradient, ...candidate } = JSON.parse(line);
  const index = objective.documents.indexOf(document);
  const [loss] = await objective.evaluate([{ candidate, document: index, gradient }]);
  say({ type: 'loss', id, ...loss, lossSum: Number.isFinite(loss.lossSum) ? loss.lossSum : null });
}
await engine.close();
