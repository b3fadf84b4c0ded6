import type { Evaluator } from './evaluator.js';
import { ring, type ScoredGeneration } from './generation.js';
import type { DocumentLoss } from './objective.js';
import type { SearchOptions } from './options.js';
import { pullPenalty } from './pull.js';
import { estimatedLoss, fallenBehind, lossOn, type Runner } from './racing-decision.js';
import type { Racing } from './racing-options.js';
import type { Candidate, Evaluation } from './types.js';

/**
 * Scores the candidates of a generation in a race: all on the same documents, block by block, without those that fell behind.
 * Races begin `block` documents further on in each generation, so that no two books decide all of them.
 *
 * The budget must pay for the case that nobody is dropped. Where it does not, an algorithm that compares generations has
 * its candidates race in groups that it does pay for, and others race on fewer documents.
 */
export async function raceGeneration(
  options: SearchOptions,
  racing: Racing,
  evaluator: Evaluator,
  asked: readonly Candidate[],
  generation: number,
): Promise<ScoredGeneration> {
  const { algorithm, objective } = options;
  const all = objective.documents.length;
  const length = racing.documents === 'all' ? all : racing.documents;
  const wanted = ring(generation * racing.block, length, all);
  if (!algorithm.comparesAcrossGenerations) {
    const documents = payableDocuments(evaluator, asked, wanted);
    if (documents.length === 0) return { told: [], documents };
    return new Race(options, racing, evaluator, { candidates: asked, documents, generation, incumbent: null }).run();
  }
  const told: Evaluation[] = [];
  const sum = { dropped: 0, planned: 0 };
  let documents = wanted;
  while (told.length < asked.length) {
    const rest = asked.slice(told.length);
    const candidates = rest.slice(0, evaluator.affordable(rest, wanted, false));
    if (candidates.length === 0) break;
    const best = [algorithm.best(), ...told].reduce((a, b) => (a === null || (b !== null && b.loss < a.loss) ? b : a));
    const incumbent = best?.candidate ?? null;
    const group = { candidates, documents: wanted, generation, incumbent, first: told.length };
    const race = await new Race(options, racing, evaluator, group).run();
    told.push(...race.told);
    sum.dropped += race.race?.dropped ?? 0;
    sum.planned += race.race?.planned ?? 0;
    documents = race.documents;
    if (evaluator.isCut) break;
  }
  return { told, documents, race: sum };
}

/** The first documents of a race that the budget pays for, if nobody is dropped. */
function payableDocuments(
  evaluator: Evaluator,
  candidates: readonly Candidate[],
  wanted: readonly number[],
): readonly number[] {
  for (let count = wanted.length; count > 1; count--) {
    const documents = wanted.slice(0, count);
    if (evaluator.fits(candidates, documents)) return documents;
  }
  const least = wanted.slice(0, 1);
  return evaluator.affordable(candidates, least, false) === 0 ? [] : least;
}

interface Field {
  readonly candidates: readonly Candidate[];
  /** In the order of the race. */
  readonly documents: readonly number[];
  readonly generation: number;
  /** The best of earlier generations, with a loss on every document: nobody need be scored to see that it is behind it. */
  readonly incumbent: Candidate | null;
  /** Place of the first candidate within its generation. */
  readonly first?: number;
}

class Race {
  private readonly runners: { readonly losses: Map<number, DocumentLoss>; readonly penalty: number }[];
  private readonly incumbents: readonly Runner[];
  /** Indices of the runners that are left. */
  private left: readonly number[];

  constructor(
    private readonly options: SearchOptions,
    private readonly racing: Racing,
    private readonly evaluator: Evaluator,
    private readonly field: Field,
  ) {
    const { candidates, incumbent } = field;
    const { pull = 0 } = options;
    this.runners = candidates.map((candidate) => ({ losses: new Map(), penalty: pullPenalty(pull, candidate) }));
    this.left = [...candidates.keys()];
    const losses = incumbent === null ? [] : evaluator.lossesOf(incumbent);
    const known = new Map(
      [...losses.entries()].flatMap(([i, loss]) => (loss === undefined ? [] : [[i, loss] as const])),
    );
    this.incumbents =
      incumbent !== null && field.documents.every((document) => known.has(document))
        ? [{ losses: known, penalty: pullPenalty(pull, incumbent) }]
        : [];
  }

  async run(): Promise<ScoredGeneration> {
    const { documents } = this.field;
    const { block } = this.racing;
    let seen = 0;
    while (seen === 0 || (seen < documents.length && this.isOpen)) {
      if (!(await this.score(documents.slice(seen, seen + block)))) break;
      seen = Math.min(seen + block, documents.length);
      if (seen < documents.length) await this.drop(seen);
    }
    return this.outcome(seen);
  }

  /** Whether more documents change what the algorithm is told. */
  private get isOpen(): boolean {
    return this.options.algorithm.comparesAcrossGenerations ? this.left.length > 0 : this.left.length > 1;
  }

  /** False where the clock cut the search; what was scored of the block is then of no use. */
  private async score(block: readonly number[]): Promise<boolean> {
    const { candidates, generation } = this.field;
    const running = this.left.map((runner) => candidates[runner] as Candidate);
    const requests = running.flatMap((_, c) => block.map((document) => [c, document] as const));
    const batch = { phase: 'search' as const, generation, candidates: running, requests, gradients: false };
    const losses = await this.evaluator.evaluate(batch, this.options.objective);
    if (this.evaluator.isCut) return false;
    for (const [i, [c, document]] of requests.entries())
      this.runner(this.left[c] as number).losses.set(document, losses[i] as DocumentLoss);
    return true;
  }

  private async drop(seen: number): Promise<void> {
    const { documents, generation, first = 0 } = this.field;
    const running = this.left.map((runner) => this.runner(runner));
    const rivalCount = this.runners.length - 1 + this.incumbents.length;
    const isOut = fallenBehind(running, this.incumbents, {
      racing: this.racing,
      documents: documents.length,
      rivalCount,
    });
    const out = this.left.filter((_, i) => isOut[i]);
    if (out.length === 0) return;
    const candidates = out.map((runner) => first + runner);
    await this.evaluator.recorder.note({ type: 'dropped', generation, documents: seen, candidates });
    this.left = this.left.filter((_, i) => !isOut[i]);
  }

  /** After `seen` documents. */
  private outcome(seen: number): ScoredGeneration {
    const { candidates, documents, incumbent } = this.field;
    const isCut = seen < documents.length && this.isOpen;
    // A partial loss compares with those of the same race, but not with those of other generations.
    if (seen === 0 || (isCut && incumbent !== null)) return { told: [], documents };
    const compared = (this.left.length === 0 ? documents : documents.slice(0, seen)).toSorted((a, b) => a - b);
    const references = [...this.left.map((runner) => this.runner(runner)), ...this.incumbents];
    const told = candidates.map((candidate, runner) => ({
      candidate,
      loss: this.left.includes(runner)
        ? lossOn(this.runner(runner), compared)
        : estimatedLoss(this.runner(runner), references, compared),
    }));
    const race = {
      dropped: this.runners.length - this.left.length,
      planned: this.runners.length * documents.length,
    };
    return { told, documents: compared, race };
  }

  private runner(index: number) {
    return this.runners[index] as (typeof this.runners)[number];
  }
}
