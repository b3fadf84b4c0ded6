/** Constants of one CMA-ES run; names as in Hansen's tutorial (arXiv 1604.00772). */
export interface CmaParameters {
  readonly dimension: number;
  readonly populationSize: number;
  /** Recombination weights by rank; positive ones sum to 1, negative ones are final. */
  readonly weights: Float64Array;
  /** Number of positive weights. */
  readonly parents: number;
  readonly effectiveParents: number;
  readonly pathDecayC: number;
  readonly pathDecaySigma: number;
  readonly rankOneRate: number;
  readonly rankMuRate: number;
  readonly stepDamping: number;
}

export function defaultPopulationSize(dimension: number): number {
  return 4 + Math.floor(3 * Math.log(dimension));
}

/** The defaults of pycma 4 (`CMAParameters`, `RecombinationWeights`, `CMAAdaptSigmaCSA`), active update included. */
export function cmaParameters(dimension: number, populationSize = defaultPopulationSize(dimension)): CmaParameters {
  const n = dimension;
  const raw = Array.from({ length: populationSize }, (_, i) => Math.log((populationSize + 1) / 2) - Math.log(i + 1));
  const parents = raw.filter((w) => w > 0).length;
  const total = (from: number, to: number, power: number) =>
    raw.slice(from, to).reduce((sum, w) => sum + w ** power, 0);
  const positive = total(0, parents, 1);
  const mu = positive ** 2 / total(0, parents, 2);
  const negativeSum = total(parents, populationSize, 1);
  const muMinus = negativeSum === 0 ? 0 : negativeSum ** 2 / total(parents, populationSize, 2);

  const rankOneRate = (Math.min(1, populationSize / 6) * 2) / ((n + 1.3) ** 2 + mu);
  const rankMuRate = Math.min(1 - rankOneRate, (2 * (0.25 + mu + 1 / mu - 2)) / ((n + 2) ** 2 + mu));
  // Sum of |negative weights|: no decay of C, not more than selection supports, and C stays positive definite.
  const negativeTotal = Math.min(
    1 + rankOneRate / rankMuRate,
    1 + (2 * muMinus) / (mu + 2),
    (1 - rankOneRate - rankMuRate) / (n * rankMuRate),
  );
  const pathDecaySigma = Math.min(0.5, (mu + 2) / (n + mu + 3));
  return {
    dimension,
    populationSize,
    weights: Float64Array.from(raw, (w, i) => (i < parents ? w / positive : -negativeTotal * (w / negativeSum))),
    parents,
    effectiveParents: mu,
    pathDecayC: (4 + mu / n) / (n + 4 + (2 * mu) / n),
    pathDecaySigma,
    rankOneRate,
    rankMuRate,
    // The middle is 0 but for populations whose effective parents outnumber the dimensions.
    stepDamping: 1 + 2 * Math.max(0, Math.sqrt((mu - 1) / (n + 1)) - 1) + pathDecaySigma,
  };
}

/** Expected length of a standard normal vector. */
export function expectedNormalLength(dimension: number): number {
  let length = dimension % 2 === 1 ? Math.sqrt(2 / Math.PI) : Math.sqrt(Math.PI / 2);
  for (let n = dimension % 2 === 1 ? 3 : 4; n <= dimension; n += 2) length *= (n - 1) / (n - 2);
  return length;
}
