import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { KINDS } from './kinds/index.js';
import { checkValid, runBlock } from './run-block.js';

/** A few thousand inputs in seconds; `npm run fuzz` reads 100,000 of each kind. */
const INPUTS = 500;
const SEED = 20_261_124;

describe('damaged files end in a UserError, in time and within memory', () => {
  it.each(KINDS)('$name', async (kind) => {
    const targets = await kind.prepare(await temporaryFolder());
    await checkValid(targets);
    const { accepted, refused, failures } = await runBlock(targets, { seed: SEED, count: INPUTS });
    expect(
      failures.map(
        ({ signature, detail, input }) => `${signature}\n${detail}\n${input.toString('latin1').slice(0, 2000)}`,
      ),
    ).toEqual([]);
    expect(accepted + refused).toBe(INPUTS);
    // Inputs that all end the same way would not reach most of the reader.
    expect(accepted).toBeGreaterThan(INPUTS / 100);
    expect(refused).toBeGreaterThan(INPUTS / 10);
  });
});
