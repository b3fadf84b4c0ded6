import { EigenvalueDecomposition, Matrix, solve } from 'ml-matrix';
import { criticalDimension } from '../rope/critical-dimension.js';
import { baseInverseFrequency } from '../rope/frequencies.js';
import { wavelengths } from '../rope/wavelengths.js';
import { type FactorOrder, makeCandidate } from './candidate.js';
import type { CandidateGradient } from './objective.js';
import { type AttentionRange, largestFactor, widestAttentionRange } from './seeding/seeds.js';
import type { Candidate, SearchProblem } from './types.js';

/**
 * Pairs that turn so often within the original length know all their angles: nothing has to be scaled. At 4 turns a search on
 * bench/search/second missed the better of two valleys.
 */
const HELD_TURNS = 8;

/** What is believed about good factors before any is tried. */
export interface IncrementPrior {
  /** `free`: every ln factor is softplus of its own coordinate, so factors may decrease. */
  readonly factors: FactorOrder;
  /** Standard deviation of a coordinate. Softplus makes it a share of a small increment, so pairs near 1 move little. */
  readonly deviation: number;
  /** Distance, in decades of wavelength, over which coordinates move together (length of a squared-exponential kernel). */
  readonly correlationDecades: number;
  /** Share of the variance in which each pair moves alone. */
  readonly independentShare: number;
  /** Sum over all pairs of the least ln increment at the origin: where softplus is flat, a search would never leave 0. */
  readonly leastIncrease: number;
  /**
   * Where the origin leaves the shortest waves alone, so does every candidate: what a few noisy steps moved there, a derivative that
   * softplus makes too small never brings back. Free factors: all pairs that turn `HELD_TURNS` times and more; with the first three at
   * 1.1 to 1.2 a set of good perplexity found no passkey any more. Monotone ones: the first pair, whose increment is part of all factors.
   */
  readonly holdsShortest: boolean;
  /** Standard deviation of ln attention factor; 0 keeps it as in the origin. */
  readonly attentionDeviation: number;
  /** Standard deviation of the start tokens in the order of the problem's values, in places; 0 keeps them as in the origin. */
  readonly startTokensDeviation: number;
}

interface AttentionCoordinate {
  readonly at: (coordinate: number) => number;
  /** Of the nearest value within the range. */
  readonly coordinateOf: (attentionFactor: number) => number;
  /** Derivative of ln `at`. */
  readonly logSlope: (coordinate: number) => number;
}

/**
 * Coordinates in which a search starts from a standard normal distribution:
 * ln factor_i = sum over j <= i of softplus(x_j), at most ln of the largest factor, with x = x(origin) + A z and A A^T the prior
 * covariance. Every z is a candidate whose factors never decrease. Free ln factors are softplus(x_i) each.
 */
export class IncrementSpace {
  /** One coordinate per rotary pair, then the attention factor and then the start tokens if they are searched. */
  readonly dimension: number;
  readonly pairs: number;
  private readonly monotone: boolean;
  private readonly held: number;
  private readonly isAttentionSearched: boolean;
  private readonly least: number;
  private readonly start: Float64Array;
  private readonly prior: Matrix;
  private readonly attention: AttentionCoordinate;
  private readonly startTokensAt: (coordinates: Float64Array) => number;

  constructor(
    private readonly problem: SearchProblem,
    origin: Candidate,
    prior: IncrementPrior,
  ) {
    this.monotone = prior.factors === 'monotone';
    this.pairs = problem.rotaryPairs;
    this.held = prior.holdsShortest ? Math.min(this.monotone ? 1 : this.pairs, heldPairs(problem, origin)) : 0;
    this.least = prior.leastIncrease / this.pairs;
    this.start = this.coordinatesOf(origin);
    this.prior = priorRoot(problem, prior);
    this.isAttentionSearched = prior.attentionDeviation > 0;
    this.dimension = this.pairs + (this.isAttentionSearched ? 1 : 0);
    this.attention = this.isAttentionSearched
      ? boundedAttention(widestAttentionRange(problem), origin.attentionFactor, prior.attentionDeviation)
      : { at: () => origin.attentionFactor, coordinateOf: () => 0, logSlope: () => 0 };
    const values = [...(problem.startTokens ?? [])].sort((a, b) => a - b);
    const choice = prior.startTokensDeviation > 0 && values.length > 1 ? this.dimension++ : null;
    const place = values.indexOf(origin.startTokens);
    this.startTokensAt = (coordinates) => {
      if (choice === null) return origin.startTokens;
      const moved = Math.round(place + prior.startTokensDeviation * (coordinates[choice] as number));
      return values[Math.min(values.length - 1, Math.max(0, moved))] as number;
    };
  }

  decode(coordinates: Float64Array): Candidate {
    const largest = largestFactor(this.problem);
    const factors = this.logarithms(this.increments(coordinates)).map((ln) => Math.min(largest, Math.exp(ln)));
    return makeCandidate(factors, this.attention.at(coordinates[this.pairs] ?? 0), this.startTokensAt(coordinates));
  }

  /** Coordinates of a candidate with the origin's start tokens; of one that the space does not hold, of one near it. */
  encode(candidate: Candidate): Float64Array {
    const moved = this.coordinatesOf(candidate).map((x, pair) => x - (this.start[pair] as number));
    moved.fill(0, 0, this.held);
    const result = new Float64Array(this.dimension);
    // By singular values: a prior that lets no pair move alone has no inverse.
    result.set(solve(this.prior, Matrix.columnVector(moved), true).to1DArray());
    if (this.isAttentionSearched) result[this.pairs] = this.attention.coordinateOf(candidate.attentionFactor);
    return result;
  }

  /**
   * The `count` directions in which the prior lets pairs move furthest, the smoothest ones, and those of all that is no factor: a unit
   * column each.
   */
  smoothDirections(count: number): Matrix {
    const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(this.prior, { assumeSymmetric: true });
    const order = [...realEigenvalues.keys()].sort(
      (a, b) => (realEigenvalues[b] as number) - (realEigenvalues[a] as number),
    );
    const kept = order.slice(0, count);
    const others = this.dimension - this.pairs;
    const basis = Matrix.zeros(this.dimension, kept.length + others);
    for (const [column, direction] of kept.entries())
      for (let pair = 0; pair < this.pairs; pair++) basis.set(pair, column, eigenvectorMatrix.get(pair, direction));
    for (let other = 0; other < others; other++) basis.set(this.pairs + other, kept.length + other, 1);
    return basis;
  }

  /** The derivatives with respect to the coordinates, from those of the candidate there. */
  pullBack(coordinates: Float64Array, { logFactors, logAttentionFactor }: CandidateGradient): Float64Array {
    const largest = Math.log(largestFactor(this.problem));
    const increments = this.increments(coordinates);
    // At the bound a derivative that leads back inside passes, or what was pushed out by one step would stay there for good.
    const bounded = this.logarithms(increments).map((ln, pair) => {
      const derivative = logFactors[pair] as number;
      return ln < largest || derivative > 0 ? derivative : 0;
    });
    // An increment is part of its own factor and of all behind it.
    let behind = 0;
    const summed = bounded.toReversed().map((derivative) => {
      behind += derivative;
      return behind;
    });
    const ofIncrements = this.monotone ? summed.toReversed() : bounded;
    const moved = increments.map((increment, pair) => sigmoid(increment) * (ofIncrements[pair] as number));
    moved.fill(0, 0, this.held);
    const result = new Float64Array(this.dimension);
    result.set(this.prior.transpose().mmul(Matrix.columnVector(moved)).to1DArray());
    // Start tokens have no derivative.
    if (this.isAttentionSearched)
      result[this.pairs] = logAttentionFactor * this.attention.logSlope(coordinates[this.pairs] as number);
    return result;
  }

  /** Before the prior: where the increments of its factors come from. */
  private coordinatesOf({ factors }: Candidate): Float64Array {
    return Float64Array.from(factors, (factor, pair) => {
      const before = (this.monotone ? factors[pair - 1] : undefined) ?? 1;
      return inverseSoftplus(Math.max(this.least, Math.log(factor / before)));
    });
  }

  private logarithms(increments: Float64Array): Float64Array {
    let before = 0;
    return increments.map((increment, pair) => {
      if (pair < this.held) return 0;
      const logarithm = before + softplus(increment);
      if (this.monotone) before = logarithm;
      return logarithm;
    });
  }

  private increments(coordinates: Float64Array): Float64Array {
    const moved = this.prior.mmul(Matrix.columnVector(coordinates.subarray(0, this.pairs)));
    return this.start.map((start, pair) => start + moved.get(pair, 0));
  }
}

/** The first pairs, as long as they are not scaled and turn often within the original length. */
function heldPairs(problem: SearchProblem, { factors }: Candidate): number {
  const often = criticalDimension(problem, problem.originalLength, HELD_TURNS);
  const scaled = factors.slice(0, often).findIndex((factor) => factor !== 1);
  return scaled < 0 ? often : scaled;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function softplus(x: number): number {
  return x > 30 ? x : Math.log1p(Math.exp(x));
}

function inverseSoftplus(y: number): number {
  return y > 30 ? y : Math.log(Math.expm1(y));
}

/** The symmetric square root of the prior covariance: the one root that does not depend on how eigenvectors are signed. */
function priorRoot(problem: SearchProblem, prior: IncrementPrior): Matrix {
  const decades = wavelengths(baseInverseFrequency(problem)).map(Math.log10);
  const size = decades.length;
  const covariance = new Matrix(size, size);
  for (const [i, a] of decades.entries()) {
    for (const [j, b] of decades.entries()) {
      const shared = (1 - prior.independentShare) * Math.exp(-(((a - b) / prior.correlationDecades) ** 2) / 2);
      covariance.set(i, j, shared + (i === j ? prior.independentShare : 0));
    }
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const scales = realEigenvalues.map((variance) => prior.deviation * Math.sqrt(Math.max(0, variance)));
  return eigenvectorMatrix.mmul(Matrix.diag(scales)).mmul(eigenvectorMatrix.transpose());
}

/** ln attention factor moves freely near the origin and never leaves the range of sensible values. */
function boundedAttention(range: AttentionRange, origin: number, deviation: number): AttentionCoordinate {
  const [low, high] = [Math.log(Math.min(range.low, origin * 0.9)), Math.log(Math.max(range.high, origin * 1.1))];
  const middle = (low + high) / 2;
  const half = (high - low) / 2;
  const start = Math.atanh((Math.log(origin) - middle) / half);
  const bent = (coordinate: number) => Math.tanh(start + (coordinate * deviation) / half);
  // A hundredth before the bounds, where coordinates have no end.
  const nearest = (share: number) => Math.min(0.99, Math.max(-0.99, share));
  return {
    at: (coordinate) => Math.exp(middle + half * bent(coordinate)),
    coordinateOf: (value) => ((Math.atanh(nearest((Math.log(value) - middle) / half)) - start) * half) / deviation,
    logSlope: (coordinate) => deviation * (1 - bent(coordinate) ** 2),
  };
}
