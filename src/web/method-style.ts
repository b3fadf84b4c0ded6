import type { Method } from '../report/view-model.js';

export const MARKER_SHAPES = ['circle', 'square', 'triangle', 'diamond', 'star', 'cross', 'wye', 'hexagon'] as const;
export type MarkerShape = (typeof MARKER_SHAPES)[number];

/** How a method looks in every chart: colour, dashes, weight and shape together, so that no chart depends on colour alone. */
export interface MethodStyle {
  readonly name: string;
  readonly kind: Method['kind'];
  /** A CSS colour; the variables change with the colour scheme. */
  readonly colour: string;
  readonly dash: string;
  readonly width: number;
  /** Of its points. */
  readonly symbol: MarkerShape;
}

const BASELINE_COLOURS = ['--orange', '--green', '--purple', '--brown', '--teal'];
const SEARCHED_COLOURS = ['--blue', '--red', '--teal', '--brown'];
const DASHES = ['7 4', '9 3 2 3', '2 2.5', '12 4', '7 2 2 2 2 2'];

/** Slots are given in the order of the methods and never by rank, so hiding one leaves the others as they were. */
export function styleMethods(methods: readonly Method[]): ReadonlyMap<string, MethodStyle> {
  let baselines = 0;
  let searches = 0;
  return new Map(
    methods.map(({ name, kind }, index): [string, MethodStyle] => {
      const symbol = at(MARKER_SHAPES, index);
      if (kind === 'unscaled') return [name, { name, kind, colour: 'var(--grey)', dash: 'none', width: 1.75, symbol }];
      if (kind === 'searched') {
        const slot = searches++;
        const dash = slot < SEARCHED_COLOURS.length ? 'none' : at(DASHES, slot);
        return [name, { name, kind, colour: `var(${at(SEARCHED_COLOURS, slot)})`, dash, width: 3, symbol }];
      }
      const slot = baselines++;
      const colour = `var(${at(BASELINE_COLOURS, slot)})`;
      return [name, { name, kind, colour, dash: at(DASHES, slot), width: 1.75, symbol }];
    }),
  );
}

function at<Item>(items: readonly Item[], slot: number): Item {
  return items[slot % items.length]!;
}
