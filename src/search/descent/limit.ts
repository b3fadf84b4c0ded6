import type { Json } from '../types.js';

/** Of the price of one nat above the limit: what an excess of one nat adds at once, and what it adds for all steps to come. */
const AT_ONCE = 50;
const LASTING = 30;

/** A charge is at most this many times as large as the slopes of the loss: Adam remembers large ones for long, and would hardly move back. */
const LARGEST_CHARGE = 4;

/** Share of the allowed rise that is left free: what a descent knows of the excess is an estimate, the worse the further it is carried. */
const MARGIN = 0.1;
const MARGIN_PER_EXCESS = 0.25;

/** The excess at a point of the descent on some of the documents, nats per token, and its slopes. */
interface Seen {
  readonly point: Float64Array;
  readonly excess: number;
  readonly slopes: Float64Array;
}

/**
 * A limit on a mean over documents, as a descent comes to know it that sees a few of them a step. What it saw last of each is carried to
 * other points by its slopes. The price of the limit is a multiplier (method of multipliers; Nocedal & Wright, Numerical Optimization,
 * section 17.3): a fixed penalty on what a step sees would keep every document below the limit.
 */
export class Limit {
  private gathered = 0;
  private readonly seen = new Map<string, Seen>();

  /** `rise`: what the limit allows, nats per token. */
  constructor(private readonly rise: number) {}

  /** What the limit adds to the slopes `ofLoss` of a step that sees these documents. */
  charge(documents: readonly number[], seen: Seen, ofLoss: Float64Array): Float64Array {
    this.seen.set(documents.join(), seen);
    const { above, slopes } = this.at(seen.point);
    const steepness = product(slopes, slopes);
    if (steepness === 0) return slopes;
    const most = LARGEST_CHARGE * Math.sqrt(product(ofLoss, ofLoss) / steepness);
    const within = (price: number) => Math.max(0, Math.min(most, price));
    const price = within(this.gathered + AT_ONCE * above);
    this.gathered = within(this.gathered + LASTING * above);
    return slopes.map((slope) => price * slope);
  }

  /** The nearest point that surely keeps the limit. */
  inside(point: Float64Array): Float64Array {
    const { above, slopes } = this.at(point);
    const steepness = product(slopes, slopes);
    if (!(above > 0 && steepness > 0)) return point;
    const share = ((1 + MARGIN_PER_EXCESS) * above) / steepness;
    return point.map((coordinate, i) => coordinate - share * (slopes[i] as number));
  }

  /** How far a point is above the limit, less the margin, and the slopes of that. */
  private at(point: Float64Array): { readonly above: number; readonly slopes: Float64Array } {
    const mean = (of: (seen: Seen) => number) =>
      [...this.seen.values()].reduce((sum, seen) => sum + of(seen), 0) / this.seen.size;
    const excess = mean((seen) => seen.excess + product(seen.slopes, difference(point, seen.point)));
    return {
      above: excess + MARGIN * this.rise,
      slopes: point.map((_, i) => mean((seen) => seen.slopes[i] as number)),
    };
  }

  state(): Json {
    const seen = [...this.seen].map(([documents, { point, excess, slopes }]) => ({
      documents,
      excess,
      point: [...point],
      slopes: [...slopes],
    }));
    return { gathered: this.gathered, seen };
  }
}

function product(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((x, i) => x - (b[i] as number));
}
