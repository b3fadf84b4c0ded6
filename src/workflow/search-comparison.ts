import { comparePerplexity, type MethodPerplexity, parseRopeMethod, type RopeMethod } from '../evaluation/index.js';
import type { Model, RopeSpec } from '../model/types.js';
import { type Method, SEARCHED } from '../report/index.js';
import { yarnMscale } from '../rope/attention-factor.js';
import { closedFormFactors } from '../rope/closed-form.js';
import { rescaledRope } from '../rope/frequencies.js';
import { factorVector } from '../rope/index.js';
import type { Engine } from '../runtime/index.js';
import {
  type FrozenSet,
  multiply,
  type NamedCandidate,
  type Objective,
  type Score,
  type SearchResult,
  score,
} from '../search/index.js';
import type { SearchJob } from './search-model.js';

/** A method that a search is compared with. */
export interface ComparedMethod extends Method {
  readonly rope: RopeMethod;
}

/** Closed forms as `--rope` spells them. */
const CLOSED_FORMS = [
  { name: 'none', rope: 'none', kind: 'unscaled', description: 'the model as trained' },
  { name: 'PI', rope: 'pi', kind: 'baseline', description: 'every factor s' },
  { name: 'NTK', rope: 'ntk', kind: 'baseline', description: 's^(2i/(d-2))' },
  { name: 'YaRN', rope: 'yarn@1', kind: 'baseline', description: 'ramp 32 to 1, attention factor 1' },
  {
    name: 'YaRN, usual attention factor',
    rope: 'yarn',
    kind: 'baseline',
    description: 'attention factor 0.1 ln s + 1',
  },
  { name: 'half-turn', rope: 'half-turn', kind: 'baseline', description: 'ramp from 2 turns to half a turn' },
] as const;

/** The closed forms at the ratio of each length; over a frozen set, at the ratio of each length to its. */
export async function comparedMethods(rope: RopeSpec, frozen: FrozenSet | null): Promise<ComparedMethod[]> {
  const methods: ComparedMethod[] = [];
  for (const { name, rope: text, kind, description } of CLOSED_FORMS)
    methods.push(
      frozen === null
        ? { name, kind, description, rope: { ...(await parseRopeMethod(text, rope)), name } }
        : { name, kind, description: overFrozen(name, description), rope: secondMethod(name, text, rope, frozen) },
    );
  return methods;
}

/** Perplexity of the winner and of closed forms on the held-out documents, from the original length to the target. */
export async function compareHeldOut(
  job: SearchJob,
  model: Model,
  engine: Engine,
  result: SearchResult,
  compared: readonly ComparedMethod[],
): Promise<MethodPerplexity[]> {
  if (job.heldOut.length === 0 || job.compare === false) return [];
  const { rope } = model.spec;
  const methods = [
    ...compared.map((method) => method.rope),
    { name: SEARCHED, resolve: () => rescaledRope(rope.geometry, result.winner.candidate) },
  ];
  const lengths = [];
  for (let length = rope.originalLength; length < job.targetLength; length *= 2) lengths.push(length);
  return comparePerplexity({
    engine,
    rope,
    methods,
    documents: job.heldOut,
    bosTokenId: job.tokenizer.bosTokenId,
    protocols: [...lengths, job.targetLength].map((length) => ({ name: 'document', length })),
    ...(job.onEvaluate && { onProgress: job.onEvaluate }),
    ...(job.signal && { signal: job.signal }),
  });
}

/** Where the closed forms stand on the search documents, for the curve. */
export async function baselineLosses(
  { compare, signal }: Pick<SearchJob, 'compare' | 'signal'>,
  baselines: readonly NamedCandidate[],
  objective: Objective,
): Promise<Score[]> {
  if (compare === false) return [];
  const requests = baselines.flatMap(({ candidate }) =>
    objective.documents.map((_, document) => ({ candidate, document })),
  );
  const losses = await objective.evaluate(requests, signal && { signal });
  const count = objective.documents.length;
  return baselines.map(({ name, candidate }, i) =>
    score(name, candidate, losses.slice(i * count, (i + 1) * count), objective.parts),
  );
}

function overFrozen(name: string, description: string): string {
  return name === 'none' ? 'the frozen factors alone' : `${description}, over the frozen factors`;
}

function secondMethod(
  name: string,
  text: (typeof CLOSED_FORMS)[number]['rope'],
  { geometry, originalLength }: RopeSpec,
  frozen: FrozenSet,
): RopeMethod {
  const form = text === 'yarn@1' ? 'yarn' : text;
  return {
    name,
    resolve(length) {
      const ratio = Math.max(1, length / frozen.length);
      const multiplier = {
        factors: factorVector(closedFormFactors(form, geometry, { ratio, originalLength })),
        attentionFactor: text === 'yarn' ? yarnMscale(ratio) : 1,
        startTokens: 0,
      };
      return rescaledRope(geometry, multiply(frozen, multiplier));
    },
  };
}
