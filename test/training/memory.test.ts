import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { checkTrainingMemory, type TrainingSize, trainingMemory } from '../../src/training/index.js';
import { loadTiny } from '../helpers/tiny-model.js';

// Against whole runs: bench/train/memory.mjs.
const ROW: TrainingSize = { optimizer: 'adamw', tokens: 256, longest: 256, batchesPerStep: 1, evalLength: 0 };
/** 4,096 x 256 embedding; per layer 2 x 256 x 256 and 2 x 256 x 128 of attention and 3 x 256 x 688 of the MLP. */
const EMBEDDING = 4096 * 256;
const HIDDEN = 4 * (2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 688);
const NORMS = 9 * 256;

describe('memory of training', () => {
  it('has a second set of gradients where they are summed, and half the state where Muon is used', async () => {
    const { spec } = await loadTiny();
    const needed = (changes: Partial<TrainingSize>) => trainingMemory(spec, { ...ROW, ...changes });
    expect(needed({ batchesPerStep: 2 }) - needed({})).toBe(4 * (EMBEDDING + HIDDEN + NORMS));
    expect(needed({ batchesPerStep: 5 })).toBe(needed({ batchesPerStep: 2 }));
    expect(needed({}) - needed({ optimizer: 'muon' })).toBe(4 * HIDDEN);
  });

  it('with updates of low rank has copies and gradients of the matrices and four times their factors in place of gradients and state of all weights', async () => {
    const { spec } = await loadTiny();
    const lora = { r: 8, loraAlpha: 16, targetModules: ['q_proj'], modulesToSave: [] };
    const [matrices, factors] = [4 * 256 * 256, 4 * 8 * (256 + 256)];
    expect(trainingMemory(spec, { ...ROW, lora }) - trainingMemory(spec, ROW)).toBe(
      4 * (2 * matrices + 4 * factors - 3 * (EMBEDDING + HIDDEN + NORMS)),
    );
  });

  it('grows by the rows of all layers, and by inner values up to 1 GiB of them', async () => {
    const { spec } = await loadTiny();
    // Full blocks of 1,024 rows; the sequences stay short.
    const needed = (rows: number) => trainingMemory(spec, { ...ROW, tokens: rows });
    const perRow = 4 * (256 + 256) * (4 + 6);
    const inner = 4 * 4 * (256 + 2 * 688 + (4 + 2 * 2) * 64);
    expect(needed(9000) - needed(8000)).toBe(1000 * (perRow + inner));
    expect(needed(90_000) - needed(80_000)).toBe(10_000 * perRow);
  });

  it('grows by wider heads where tokens stand for several', async () => {
    const { spec } = await loadTiny();
    const needed = (countsSkipped: boolean) => trainingMemory(spec, { ...ROW, tokens: 2000, countsSkipped });
    expect(needed(true) - needed(false)).toBe(2000 * 4 * 4 * (4 + 2) * (64 + 8));
  });

  it('in halves has weights and their gradients once more, and blocks of rows in both threads', async () => {
    const { spec } = await loadTiny();
    const needed = (tokens: number, threads: number) => trainingMemory(spec, { ...ROW, tokens, threads });
    // Blocks are full in both halves, so what their rows take is the same.
    const blocks = 4 * (5 * 4 * 128 * 256 + 4 * 1024 * 4096 + 8 * (256 + 688) * 1024 + 2 * EMBEDDING);
    expect(needed(4096, 2) - needed(4096, 1)).toBe(2 * 4 * (EMBEDDING + HIDDEN + NORMS) + blocks + 64 * 2 ** 20);
    expect(needed(256, 2)).toBe(needed(256, 1));
    expect(needed(4096, 3)).toBe(needed(4096, 1));
  });

  it('is that of a validation where that is more', async () => {
    const { spec } = await loadTiny();
    const needed = (evalLength: number) => trainingMemory(spec, { ...ROW, tokens: 4096, evalLength });
    expect(needed(256)).toBe(needed(0));
    expect(needed(65_536)).toBeGreaterThan(needed(0) + 1e8);
  });

  it('that does not fit is refused, with what would help', async () => {
    const { spec } = await loadTiny();
    const refusal = (size: TrainingSize, available: number) => {
      try {
        checkTrainingMemory(spec, size, available);
      } catch (error) {
        return error as UserError;
      }
      return null;
    };
    expect(refusal(ROW, trainingMemory(spec, ROW))).toBeNull();
    const batch = refusal({ ...ROW, tokens: 64 * 256 }, 5e8);
    expect(batch).toBeInstanceOf(UserError);
    expect(batch?.kind).toBe('resource');
    expect(batch?.message).toMatch(
      /16384 tokens at a time: expected 1\.\d GB of memory, found 0\.5 GB.*train-batch-size/,
    );
    expect(refusal(ROW, 1e8)?.message).toMatch(/--max-seq-length or a smaller model/);
  });
});
