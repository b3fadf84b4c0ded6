import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { loadModel, type Model } from '../src/model/index.js';
import { type Engine, openEngine } from '../src/runtime/index.js';
import { check, largestDifference } from './check.js';
import { bookIds, Exchange, SMOLLM2, TINY } from './models.js';
import { PythonReference } from './python.js';
import { ropeCases } from './rope-cases.js';

const LENGTHS = [256, 1024, 4096];
const LONGEST = Math.max(...LENGTHS);
const TOLERANCE = 2e-4;

/** Two units in the last place: torch's power function is not rounded correctly, and a reciprocal may double that. */
const FREQUENCY_TOLERANCE = 2.4e-7;

/** Every 32nd row and the last 64: the whole of it would be 805 MB for one sequence of SmolLM2. */
function rowsOf(length: number): Int32Array {
  return Int32Array.from({ length }, (_, row) => row).filter((row) => row % 32 === 0 || row >= length - 64);
}

describe.each([TINY, SMOLLM2])('logits of $name against transformers', (parityModel) => {
  let exchange: Exchange;
  let reference: PythonReference;
  let model: Model;
  let engine: Engine;
  let ids: Int32Array;

  beforeAll(async () => {
    exchange = await Exchange.open();
    reference = new PythonReference('reference_logits.py', parityModel.path);
    model = await loadModel(parityModel.path);
    engine = await openEngine(model, { workers: 1, maxLength: LONGEST });
    const text = await bookIds(parityModel, LONGEST);
    ids = parityModel.bos === null ? text : Int32Array.of(parityModel.bos, ...text.subarray(0, -1));
  });
  afterAll(async () => {
    reference?.close();
    await engine?.close();
    await exchange?.remove();
  });

  // The names only: the cases themselves need the loaded model.
  const names = [
    'default',
    'linear',
    'dynamic',
    'yarn',
    'llama3',
    'longrope',
    'proportional',
    'factors with 64 start tokens',
  ];
  describe.each(names)('%s', (name) => {
    it.each(LENGTHS)('%i tokens', async (length) => {
      const rope = ropeCases(model.spec.rope, parityModel.originalLength).find((ropeCase) => ropeCase.name === name);
      if (rope === undefined) throw new Error(`no RoPE case ${name}`);
      const sequence = ids.slice(0, length);
      const rows = rowsOf(length);
      const answer = await reference.ask<{ readonly inverse_frequency: readonly number[] }>({
        ids: await exchange.writeIds('ids', sequence),
        rows: [...rows],
        rope: rope.reference,
        output: path.join(exchange.folder, 'logits'),
      });
      const theirs = await exchange.readFloats('logits');
      const resolved = rope.resolve(length);
      const label = `${parityModel.name}, ${name}, ${length} tokens`;
      const frequencies = answer.inverse_frequency.map(
        (frequency, pair) => Math.abs((resolved.inverseFrequency[pair] as number) - frequency) / (frequency || 1),
      );
      check(`frequencies (relative), ${label}`, Math.max(...frequencies), FREQUENCY_TOLERANCE);
      const logits = await engine.logits({ ids: sequence, rope: resolved, rows });
      check(`logits, ${label}`, largestDifference(logits, theirs), TOLERANCE);
    });
  });
});
