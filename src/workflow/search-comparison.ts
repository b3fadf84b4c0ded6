import path from 'node:path';
import { comparePerplexity, type LossEngine, type MethodPerplexity, type RopeMethod } from '../evaluation/index.js';
import type { Model, RopeSpec } from '../model/types.js';
import { type Method, SEARCHED } from '../report/index.js';
import { yarnMscale } from '../rope/attention-factor.js';
import { closedFormFactors } from '../rope/closed-form.js';
import { rescaledRope } from '../rope/frequencies.js';
import { factorVector } from '../rope/index.js';
import type { Engine } from '../runtime/index.js';
import { candidateJson, type FrozenSet, type Json, multiply, type SearchResult } from '../search/index.js';
import { ownFactors } from './own-rope.js';
import type { SearchJob } from './search-model.js';
import type { SearchSpace } from './search-space.js';

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

/** The name of a model's own RoPE, where it has one. */
export const OWN = 'model';

/** `none` of a model that was trained with something else. */
const BASE = { name: 'none', rope: 'none', kind: 'baseline', description: 'base frequencies alone' } as const;

/**
 * A model's own RoPE, and the closed forms at the ratio of each length; over a frozen set, at the ratio of each length to its. At the target
 * they are bit for bit what the search scores, so that each has one figure and is computed once.
 */
export function comparedMethods(
  rope: RopeSpec,
  { frozen, own }: Pick<SearchSpace, 'frozen' | 'own'>,
): ComparedMethod[] {
  const methods: ComparedMethod[] = [];
  if (own !== null)
    methods.push({
      name: OWN,
      kind: 'unscaled',
      description: `the model as it is, with its ${own.type} scaling`,
      rope: { name: OWN, resolve: (length) => rescaledRope(rope.geometry, ownFactors(rope, length)) },
    });
  for (const closedForm of CLOSED_FORMS) {
    const { name, rope: text, kind, description } = own !== null && closedForm.name === 'none' ? BASE : closedForm;
    methods.push({
      name,
      kind,
      description: frozen === null ? description : overFrozen(name, description),
      rope: closedFormMethod(name, text, rope, frozen),
    });
  }
  return methods;
}

/**
 * Perplexity of the winner and of closed forms on the held-out documents, from the original length to the target. What is scored is kept in a
 * folder of its own within the run folder. `inputs`: hashes of all that the losses depend on beside the winner.
 */
export async function compareHeldOut(
  job: SearchJob,
  { spec: { rope } }: Model,
  engine: LossEngine & Pick<Engine, 'workers'>,
  { winner }: SearchResult,
  compared: readonly ComparedMethod[],
  inputs: { readonly [name: string]: Json },
): Promise<MethodPerplexity[]> {
  if (job.heldOut.length === 0 || job.compare === false) return [];
  const methods = [
    ...compared.map((method) => method.rope),
    { name: SEARCHED, resolve: () => rescaledRope(rope.geometry, winner.candidate) },
  ];
  const lengths: number[] = [];
  for (let length = rope.originalLength; length < job.targetLength; length *= 2) lengths.push(length);
  lengths.push(job.targetLength);
  return comparePerplexity({
    engine,
    rope,
    methods,
    documents: job.heldOut,
    bosTokenId: job.tokenizer.bosTokenId,
    protocols: lengths.map((length) => ({ name: 'document', length })),
    folder: {
      path: path.join(job.out, 'held-out'),
      manifest: { format: 'longrope held-out 1', winner: candidateJson(winner.candidate), lengths, inputs },
    },
    ...(job.onEvaluate && { onProgress: job.onEvaluate }),
    ...(job.signal && { signal: job.signal }),
  });
}

function overFrozen(name: string, description: string): string {
  return name === 'none' ? 'the frozen factors alone' : `${description}, over the frozen factors`;
}

function closedFormMethod(
  name: string,
  text: (typeof CLOSED_FORMS)[number]['rope'],
  { geometry, originalLength }: RopeSpec,
  frozen: FrozenSet | null,
): RopeMethod {
  const form = text === 'yarn@1' ? 'yarn' : text;
  return {
    name,
    resolve(length) {
      const ratio = Math.max(1, length / (frozen?.length ?? originalLength));
      const set = {
        factors: factorVector(closedFormFactors(form, geometry, { ratio, originalLength })),
        attentionFactor: text === 'yarn' ? yarnMscale(ratio) : 1,
        startTokens: 0,
      };
      return rescaledRope(geometry, frozen === null ? set : multiply(frozen, set));
    },
  };
}
