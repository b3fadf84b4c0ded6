import { closeSync, openSync, writeSync } from 'node:fs';
import { findKind } from './kinds/index.js';
import { checkValid, runBlock } from './run-block.js';

/** What scripts/fuzz.js asks of the process that reads the inputs: blocks `from` to `to` (not included) of one kind. */
interface Order {
  readonly kind: string;
  /** For the valid files; the newest file below it is the input at hand when the process dies. */
  readonly folder: string;
  /** Holds the number of the input at hand. */
  readonly positionFile: string;
  readonly seed: number;
  readonly blockSize: number;
  readonly from: number;
  readonly to: number;
  /** Inputs of block `from` that were read before. */
  readonly skip: number;
}

process.once('message', async (order: Order) => {
  const targets = await findKind(order.kind).prepare(order.folder);
  await checkValid(targets);
  const position = openSync(order.positionFile, 'w');
  const onCase = (number: number) => writeSync(position, `${number}`.padEnd(12), 0);
  const known = new Set<string>();
  for (let block = order.from; block < order.to; block++) {
    const skip = block === order.from ? order.skip : 0;
    const range = { seed: blockSeed(order.seed, block), count: order.blockSize, skip };
    const result = await runBlock(targets, range, { known, onCase });
    for (const { signature } of result.failures) known.add(signature);
    const failures = result.failures.map((failure) => ({ ...failure, input: failure.input.toString('base64') }));
    await new Promise((resolve) =>
      process.send?.(
        { block, ...result, failures, peakKilobytes: process.resourceUsage().maxRSS },
        undefined,
        {},
        resolve,
      ),
    );
  }
  closeSync(position);
  process.disconnect?.();
});

/** Neighbouring seeds of neighbouring runs must not share blocks. */
function blockSeed(seed: number, block: number): number {
  return Math.imul(seed, 0x9e3779b1) ^ block;
}
