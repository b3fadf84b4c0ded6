import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { baseInverseFrequency } from '../../rope/frequencies.js';
import { wavelengths } from '../../rope/wavelengths.js';
import { makeCandidate } from '../candidate.js';
import { attentionFactorRange, MAX_FACTOR_RATIO } from '../seeds.js';
import type { Candidate, SearchProblem } from '../types.js';
import { isotonic } from './isotonic.js';

/** What is believed about good factors before any is tried. */
export interface FactorPrior {
  /** Standard deviation of a slow pair's ln factor, as a share of ln(1.25 s). */
  readonly deviation: number;
  /** Distance, in decades of wavelength, over which factors move together (length of a squared-exponential kernel). */
  readonly correlationDecades: number;
  /** Share of the variance in which each pair moves alone. */
  readonly independentShare: number;
  /** A pair turning w times within the original context deviates w^-mobilityExponent times as much as a slow one ... */
  readonly mobilityExponent: number;
  /** ... but at least this much. */
  readonly leastMobility: number;
  /** Principal components of the prior to search in. */
  readonly components: number | 'all';
  /** Standard deviation of ln attention factor; 0 keeps it as in the origin. */
  readonly attentionDeviation: number;
}

/**
 * Coordinates in which a search starts from a standard normal distribution: ln factor = isotonic(ln origin + A z), clipped
 * to [0, ln 1.25 s], where A A^T is the prior covariance. The isotonic projection makes every z a candidate whose factors
 * never decrease and leaves alone what already does not; softplus increments need far more evaluations (docs/search.md).
 */
export class MonotoneSpace {
  /** Components, then the attention factor if it is searched. */
  readonly dimension: number;
  private readonly basis: readonly Float64Array[];
  private readonly origin: Float64Array;
  private readonly attention: (coordinate: number) => number;

  constructor(
    private readonly problem: SearchProblem,
    origin: Candidate,
    private readonly prior: FactorPrior,
  ) {
    this.origin = Float64Array.from(origin.factors, Math.log);
    this.basis = priorBasis(problem, prior);
    const searchesAttention = prior.attentionDeviation > 0;
    this.dimension = this.basis.length + (searchesAttention ? 1 : 0);
    this.attention = searchesAttention
      ? boundedAttention(problem, origin.attentionFactor, prior.attentionDeviation)
      : () => origin.attentionFactor;
  }

  decode(coordinates: Float64Array): Candidate {
    const largest = MAX_FACTOR_RATIO * this.problem.ratio;
    const logarithms = this.origin.map((origin, pair) =>
      this.basis.reduce((sum, axis, k) => sum + (axis[pair] as number) * (coordinates[k] as number), origin),
    );
    const factors = isotonic(logarithms).map((value) => Math.min(largest, Math.max(1, Math.exp(value))));
    return makeCandidate(factors, this.attention(coordinates[this.basis.length] ?? 0), 0);
  }
}

/** Columns of A, widest first. */
function priorBasis(problem: SearchProblem, prior: FactorPrior): Float64Array[] {
  const lengths = wavelengths(baseInverseFrequency(problem));
  const scale = prior.deviation * Math.log(MAX_FACTOR_RATIO * problem.ratio);
  const deviation = lengths.map(
    (length) =>
      scale * Math.max(prior.leastMobility, Math.min(1, (length / problem.originalLength) ** prior.mobilityExponent)),
  );
  const covariance = new Matrix(lengths.length, lengths.length);
  for (const [i, a] of lengths.entries()) {
    for (const [j, b] of lengths.entries()) {
      const distance = Math.log10(a / b) / prior.correlationDecades;
      const shared =
        (1 - prior.independentShare) * Math.exp(-(distance ** 2) / 2) + (i === j ? prior.independentShare : 0);
      covariance.set(i, j, shared * (deviation[i] as number) * (deviation[j] as number));
    }
  }
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const axes = realEigenvalues
    .map((variance, k) => ({ variance, axis: Float64Array.from(eigenvectorMatrix.getColumn(k)) }))
    .sort((a, b) => b.variance - a.variance)
    .slice(0, prior.components === 'all' ? undefined : prior.components);
  return axes.map(({ variance, axis }) => axis.map((value) => value * Math.sqrt(Math.max(0, variance))));
}

/** ln attention factor moves freely near the origin and never leaves the range of sensible values. */
function boundedAttention(problem: SearchProblem, origin: number, deviation: number): (coordinate: number) => number {
  const range = attentionFactorRange(problem);
  const [low, high] = [Math.log(Math.min(range.low, origin * 0.9)), Math.log(Math.max(range.high, origin * 1.1))];
  const middle = (low + high) / 2;
  const half = (high - low) / 2;
  const start = Math.atanh((Math.log(origin) - middle) / half);
  return (coordinate) =>
    // Exactly the origin at 0: a seed that was scored must be found again.
    coordinate === 0 ? origin : Math.exp(middle + half * Math.tanh(start + (coordinate * deviation) / half));
}
