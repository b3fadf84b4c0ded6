import { makeCandidate } from '../../src/search/candidate.js';
import type {
  CandidateGradient,
  DocumentLoss,
  EvaluateOptions,
  LossRequest,
  Objective,
} from '../../src/search/objective.js';
import type { Candidate, SearchProblem } from '../../src/search/types.js';

/** The tiny model's geometry: 32 pairs, 256 tokens, 8x. */
export function searchProblem({ pairs = 32, originalLength = 256, ratio = 8 } = {}): SearchProblem {
  return {
    rotaryPairs: pairs,
    headDim: 2 * pairs,
    rotaryDim: 2 * pairs,
    theta: 10_000,
    originalLength,
    targetLength: originalLength * ratio,
    ratio,
    defaultAttentionFactor: Math.sqrt(1 + Math.log(ratio) / Math.log(originalLength)),
  };
}

/** Factors with the shape that good ones have on the tiny model: near 1, a steep rise at the critical pair, a plateau. */
export function optimum({ rotaryPairs, ratio, rotaryDim }: SearchProblem): Candidate {
  const rise = (pair: number) => 1 / (1 + Math.exp(-((pair - 0.44 * rotaryPairs) / rotaryDim) * 40));
  const factors = Array.from({ length: rotaryPairs }, (_, pair) => Math.exp(0.88 * Math.log(ratio) * rise(pair)));
  return makeCandidate(factors, 1.06, 0);
}

/** Nats above the optimum: a weighted quadratic in ln factor and ln attention factor. */
export function excessLoss(problem: SearchProblem, { factors, attentionFactor, startTokens }: Candidate): number {
  const best = optimum(problem);
  let excess = 2 * Math.log(attentionFactor / best.attentionFactor) ** 2 + 1e-4 * startTokens;
  for (const [pair, factor] of factors.entries()) {
    const weight = 0.05 + Math.exp(-(((pair - 0.4 * problem.rotaryPairs) / (0.2 * problem.rotaryPairs)) ** 2));
    excess += (weight * Math.log(factor / (best.factors[pair] as number)) ** 2) / problem.rotaryPairs;
  }
  return excess;
}

/** Derivatives of `excessLoss`. */
export function excessGradient(problem: SearchProblem, { factors, attentionFactor }: Candidate): CandidateGradient {
  const best = optimum(problem);
  return {
    logFactors: Array.from(factors, (factor, pair) => {
      const weight = 0.05 + Math.exp(-(((pair - 0.4 * problem.rotaryPairs) / (0.2 * problem.rotaryPairs)) ** 2));
      return (2 * weight * Math.log(factor / (best.factors[pair] as number))) / problem.rotaryPairs;
    }),
    logAttentionFactor: 4 * Math.log(attentionFactor / best.attentionFactor),
  };
}

/** An objective without a model; documents differ in level and a little in taste. */
export function syntheticObjective(problem: SearchProblem, documentCount = 5, tokens = 2047): Objective {
  const loss = ({ candidate, document, gradient = false }: LossRequest): DocumentLoss => {
    const middle = problem.rotaryPairs >> 1;
    const taste = 0.01 * Math.sin(document + 1);
    const tilt = taste * Math.log(candidate.factors[middle] as number);
    const lossSum = (3.9 + 0.1 * document + excessLoss(problem, candidate) + tilt) * tokens;
    if (!gradient) return { lossSum, tokens };
    const { logFactors, logAttentionFactor } = excessGradient(problem, candidate);
    const tilted = logFactors.map((slope, pair) => tokens * (slope + (pair === middle ? taste : 0)));
    return { lossSum, tokens, gradient: { logFactors: tilted, logAttentionFactor: tokens * logAttentionFactor } };
  };
  return {
    documents: Array.from({ length: documentCount }, (_, i) => `document ${i}`),
    scoredTokens: new Array<number>(documentCount).fill(tokens),
    gradients: true,
    evaluate: async (requests: readonly LossRequest[], options: EvaluateOptions = {}) => {
      const losses: DocumentLoss[] = [];
      for (const [index, request] of requests.entries()) {
        if (options.signal?.aborted === true) throw new Error('aborted');
        const result = loss(request);
        options.onResult?.(index, result);
        losses.push(result);
        // Lets the journal be written between results, as with a real model.
        if (index % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return losses;
    },
  };
}

/** How far above the limit at the original length: only sets below `most` in the middle keep it. */
export function shortExcess({ rotaryPairs }: SearchProblem, { factors }: Candidate, most: number): number {
  return Math.log((factors[rotaryPairs >> 1] as number) / most);
}

/**
 * A synthetic objective of two parts whose limit at the original length only sets below `most` in the middle keep: on the mean of the
 * documents, of which every one lies `spread` further above it than the one before.
 */
export function limitedObjective(problem: SearchProblem, most: number, spread = 0): Objective {
  const whole = syntheticObjective(problem);
  return {
    ...whole,
    parts: ['easy 2048', 'attention 2048'],
    hasShortLimit: true,
    evaluate: async (requests, options = {}) => {
      const add = (index: number, loss: DocumentLoss): DocumentLoss => {
        const { candidate, document, gradient = false } = requests[index] as LossRequest;
        const excess = shortExcess(problem, candidate, most) + spread * (document - (whole.documents.length - 1) / 2);
        const logFactors = Array.from(candidate.factors, (_, pair) => (pair === problem.rotaryPairs >> 1 ? 1 : 0));
        return {
          ...loss,
          ...(!gradient && { parts: [loss.lossSum / loss.tokens, candidate.attentionFactor] }),
          short: { excess, ...(gradient && { gradient: { logFactors, logAttentionFactor: 0 } }) },
        };
      };
      const onResult = (index: number, loss: DocumentLoss) => options.onResult?.(index, add(index, loss));
      return (await whole.evaluate(requests, { ...options, onResult })).map((loss, index) => add(index, loss));
    },
  };
}
