import { expect, it } from 'vitest';
import { loadModel } from '../../src/model/index.js';
import { openEngine } from '../../src/runtime/index.js';
import { makeCandidate } from '../../src/search/candidate.js';
import { type Candidate, modelObjective } from '../../src/search/index.js';
import { randomIds } from '../helpers/engine-models.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';

const STEP = 1e-3;

it('the gradient of a model objective over two lengths agrees with differences of its losses', async () => {
  const folder = await temporaryFolder();
  await writeTinyCheckpoint(folder, {});
  const model = await loadModel(folder);
  const engine = await openEngine(model, { maxLength: 96, workers: 2, threads: 1 });
  try {
    const objective = modelObjective({
      engine,
      geometry: model.spec.rope.geometry,
      documents: [{ id: 'noise', ids: randomIds(model, 96, 3) }],
      bosTokenId: null,
      lengths: [
        { length: 96, weight: 2 },
        { length: 24, weight: 1 },
      ],
    });
    const pairs = model.spec.rope.geometry.rotaryDim / 2;
    const at = (moved: number, by: number): Candidate =>
      makeCandidate(
        Float64Array.from({ length: pairs }, (_, pair) => (1 + pair) * Math.exp(pair === moved ? by : 0)),
        1.1 * Math.exp(moved === pairs ? by : 0),
        0,
      );
    const lossAt = async (moved: number, by: number) => {
      const [loss] = await objective.evaluate([{ candidate: at(moved, by), document: 0 }]);
      return loss!.lossSum;
    };
    const request = { candidate: at(-1, 0), document: 0, gradient: true };
    const [first, second] = await objective.evaluate([request, request]);
    expect(second).toEqual(first);
    expect(first?.tokens).toBe(objective.scoredTokens[0]);
    expect(Math.abs(first!.lossSum / (await lossAt(-1, 0)) - 1)).toBeLessThan(1e-6);
    const { logFactors, logAttentionFactor } = first!.gradient!;
    const largest = Math.max(...logFactors.map(Math.abs));
    for (const moved of [0, pairs - 1, pairs]) {
      const expected = ((await lossAt(moved, STEP)) - (await lossAt(moved, -STEP))) / (2 * STEP);
      const ours = moved === pairs ? logAttentionFactor : logFactors[moved]!;
      expect(Math.abs(ours - expected), `coordinate ${moved}`).toBeLessThan(0.03 * Math.max(largest, Math.abs(ours)));
    }
  } finally {
    await engine.close();
  }
});
