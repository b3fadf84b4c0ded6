import { expect, it } from 'vitest';
import { halvesToNeighbours, neighboursToHalves } from '../../src/export/row-order.js';

it('rows of neighbouring pairs go back to halves; what does not turn stays', () => {
  const back = neighboursToHalves(8, 8);
  // Row r of the result is row order[r] of the source, so going there and back changes nothing.
  expect([...halvesToNeighbours(8)].map((row) => back[row])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect([...neighboursToHalves(8, 4)]).toEqual([0, 2, 1, 3, 4, 5, 6, 7]);
});
