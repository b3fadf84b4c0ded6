import type { Method } from '../report/view-model.js';

/** How a method looks in every chart: colour, dashes and weight together, so that no chart depends on colour alone. */
export interface MethodStyle {
  readonly name: string;
  readonly kind: Method['kind'];
  /** A CSS colour; the variables change with the colour scheme. */
  readonly colour: string;
  readonly dash: string;
  readonly width: number;
}

const BASELINE_COLOURS = ['--orange', '--green', '--purple', '--brown', '--teal'];
const SEARCHED_COLOURS = ['--blue', '--red', '--teal', '--brown'];
const DASHES = ['7 4', '9 3 2 3', '2 2.5', '12 4', '7 2 2 2 2 2'];

/** Slots are given in the order of the methods and never by rank, so hiding one leaves the others as they were. */
export function styleMethods(methods: readonly Method[]): ReadonlyMap<string, MethodStyle> {
  let baselines = 0;
  let searches = 0;
  return new Map(
    methods.map(({ name, kind }): [string, MethodStyle] => {
      if (kind === 'unscaled') return [name, { name, kind, colour: 'var(--grey)', dash: 'none', width: 1.75 }];
      if (kind === 'searched') {
        const slot = searches++;
        const dash = slot < SEARCHED_COLOURS.length ? 'none' : at(DASHES, slot);
        return [name, { name, kind, colour: `var(${at(SEARCHED_COLOURS, slot)})`, dash, width: 3 }];
      }
      const slot = baselines++;
      return [name, { name, kind, colour: `var(${at(BASELINE_COLOURS, slot)})`, dash: at(DASHES, slot), width: 1.75 }];
    }),
  );
}

function at<Item>(items: readonly Item[], slot: number): Item {
  return items[slot % items.length]!;
}
