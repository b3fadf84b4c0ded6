// Scores factors with llama.cpp: writes each candidate into a GGUF file as `longrope export gguf` does, loads it with
// node-llama-cpp (npm install node-llama-cpp) and reads the texts in a context of the target length.
//
//   node objective.js MODEL --text PATH [--held-out PATH] [--samples N]
//
// MODEL is a folder or .gguf file; a file of its size is written to the temporary folder for each candidate.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { exportGguf, formatFactorJson, hashDocuments, hashModel, loadModel, openTokenizer, readTexts } from 'longrope';
import { getLlama } from 'node-llama-cpp';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    text: { type: 'string', multiple: true },
    'held-out': { type: 'string', multiple: true, default: [] },
    samples: { type: 'string', default: '5' },
  },
});
const [path] = positionals;
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { targetLength, originalLength } = JSON.parse((await lines.next()).value);
// At or below the original length llama.cpp uses the short factors, which are all 1 here.
if (targetLength <= originalLength) throw new Error(`--target must be above ${originalLength}`);

const model = await loadModel(path);
const tokenizer = await openTokenizer(path);
const bos = tokenizer.bosTokenId === null ? [] : [tokenizer.bosTokenId];
const minTokens = targetLength - bos.length;
const searched = (await readTexts(values.text, tokenizer, { minTokens })).slice(0, Number(values.samples));
const heldOut = values['held-out'].length === 0 ? [] : await readTexts(values['held-out'], tokenizer, { minTokens });
const documents = [...searched, ...heldOut];
const texts = new Map(documents.map(({ id, ids }) => [id, [...bos, ...ids.subarray(0, minTokens)]]));
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'disabled' });
const folder = mkdtempSync(join(tmpdir(), 'longrope-llama-cpp-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.on('SIGTERM', () => process.exit(1));

const announce = ({ id }) => ({ name: id, tokens: texts.get(id).length - 1 });
say({
  type: 'hello',
  protocol: 'longrope-objective/1',
  name: `llama.cpp on ${path}`,
  fingerprint: `${await hashModel(model)} ${hashDocuments(documents)} llama.cpp ${llama.llamaCppRelease.release}`,
  documents: searched.map(announce),
  heldOut: heldOut.map(announce),
});

/** The model with the candidate's factors, kept until another candidate comes. */
let loaded = { key: '', model: null };
async function modelWith(candidate) {
  const key = JSON.stringify(candidate);
  if (key === loaded.key) return loaded.model;
  await loaded.model?.dispose();
  loaded = { key: '', model: null };
  const rope = join(folder, 'factors.json');
  const out = join(folder, 'model.gguf');
  writeFileSync(rope, formatFactorJson({ ...candidate, originalLength, targetLength }));
  await exportGguf({ model: path, out, force: true, type: null, tokenizer: true, rope, targetLength });
  loaded = { key, model: await llama.loadModel({ modelPath: out }) };
  return loaded.model;
}

const PIECE = 256;

/** -ln softmax(logits)[token]. */
function lossOf(logits, token) {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits.values()) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits.values()) sum += Math.exp(logit - largest);
  return Math.log(sum) + largest - logits.get(token);
}

/** Nats over the tokens behind the first. The cache is float32, so that rounding does not hide small differences. */
async function lossSumOf(gguf, ids) {
  const context = await gguf.createContext({
    contextSize: targetLength,
    batchSize: PIECE,
    flashAttention: false,
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
  });
  try {
    const sequence = context.getSequence();
    let lossSum = 0;
    // In pieces, as the logits of a token are a map with an entry for every word of the vocabulary.
    for (let first = 0; first < ids.length - 1; first += PIECE) {
      const piece = ids.slice(first, Math.min(first + PIECE, ids.length - 1));
      const answers = await sequence.controlledEvaluate(piece.map((id) => [id, { generateNext: { logits: true } }]));
      for (const [i, { next }] of answers.entries()) lossSum += lossOf(next.logits, ids[first + i + 1]);
    }
    return lossSum;
  } finally {
    await context.dispose();
  }
}

for await (const line of lines) {
  const { id, document, factors, attentionFactor, startTokens } = JSON.parse(line);
  try {
    const ids = texts.get(document);
    const lossSum = await lossSumOf(await modelWith({ factors, attentionFactor, startTokens }), ids);
    say({ type: 'loss', id, lossSum: Number.isFinite(lossSum) ? lossSum : null, tokens: ids.length - 1 });
  } catch (error) {
    say({ type: 'error', id, message: String(error.message ?? error) });
  }
}
await llama.dispose();
