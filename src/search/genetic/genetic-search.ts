import { candidateKey } from '../candidate.js';
import type { RandomState } from '../random.js';
import type { Candidate, Evaluation, Json, SearchAlgorithm, StopReasons } from '../types.js';

/** How an algorithm makes new individuals. It remembers all it has made, so none is made twice. */
export interface Variation<Genome> {
  /** First members of the initial population. */
  seeds(): Genome[];
  /** Another member of the initial population; null if no new one is found within a bounded effort, as below. */
  initialMutant(): Genome | null;
  mutate(parent: Genome): Genome | null;
  /** null also if these parents have no new child. */
  crossover(better: Genome, worse: Genome): Genome | null;
  candidate(genome: Genome): Candidate;
  genomeJson(genome: Genome): Json;
}

export interface GeneticSettings {
  readonly populationSize: number;
  readonly iterations: number;
  readonly mutations: number;
  readonly crossovers: number;
  readonly parents: number;
}

interface Individual<Genome> {
  readonly genome: Genome;
  readonly key: string;
  loss: number;
}

/**
 * The loop of LongRoPE's Algorithm 1 and of its released code: an initial population, then per iteration the best
 * `parents`, mutants of random ones and crossovers of random pairs. Parents keep their loss, so losses of all
 * generations are compared. A generation is asked at once: its children depend on the parents only.
 */
export class GeneticSearch<Genome> implements SearchAlgorithm {
  readonly comparesAcrossGenerations = true;
  readonly documentsPerGeneration = 'all';
  private population: Individual<Genome>[] = [];
  private children: Individual<Genome>[] = [];
  private asked: readonly Candidate[] | null = null;
  private readonly losses = new Map<string, number>();
  private winner: Evaluation | null = null;
  /** Generations told so far; the initial population is generation 0. */
  private generation = 0;
  private exhausted = false;
  private cutShort = false;

  constructor(
    readonly name: string,
    readonly hyperparameters: { readonly [key: string]: Json },
    private readonly settings: GeneticSettings,
    private readonly variation: Variation<Genome>,
    private readonly random: RandomState,
  ) {}

  get generationSize(): number {
    return Math.min(this.settings.populationSize, this.settings.mutations + this.settings.crossovers);
  }

  ask(): readonly Candidate[] {
    if (this.asked !== null || this.cutShort) throw new Error('ask before the last candidates were told');
    while (Object.keys(this.stop()).length === 0) {
      const genomes = this.generation === 0 ? this.initialPopulation() : this.nextGeneration();
      this.exhausted = genomes.length === 0;
      this.children = genomes.map((genome) => {
        const key = candidateKey(this.variation.candidate(genome));
        return { genome, key, loss: this.losses.get(key) ?? Number.NaN };
      });
      // Different genomes may stand for one candidate (dim-piece-mono): it is scored once.
      const unknown = new Map<string, Candidate>();
      for (const { genome, key, loss } of this.children) {
        if (Number.isNaN(loss)) unknown.set(key, this.variation.candidate(genome));
      }
      if (unknown.size > 0) {
        this.asked = [...unknown.values()];
        return this.asked;
      }
      this.absorb();
    }
    return [];
  }

  tell(evaluations: readonly Evaluation[]): void {
    if (this.asked === null || evaluations.length > this.asked.length) throw new Error('tell without an ask');
    for (const [index, { candidate, loss }] of evaluations.entries()) {
      const key = candidateKey(candidate);
      if (key !== candidateKey(this.asked[index] as Candidate)) throw new Error('told a candidate that was not asked');
      if (Number.isNaN(loss)) throw new Error('told a loss that is not a number');
      this.losses.set(key, loss);
      if (this.winner === null || loss < this.winner.loss) this.winner = { candidate, loss };
    }
    this.cutShort = evaluations.length < this.asked.length;
    this.asked = null;
    this.absorb();
  }

  stop(): StopReasons {
    return {
      ...(this.generation > this.settings.iterations ? { iterations: this.settings.iterations } : {}),
      ...(this.exhausted ? { exhausted: 'no new candidate found' } : {}),
    };
  }

  best(): Evaluation | null {
    return this.winner;
  }

  contenders(): readonly Candidate[] {
    return this.winner === null ? [] : [this.winner.candidate];
  }

  state(): Json {
    const individuals = (list: readonly Individual<Genome>[]) =>
      list.map(({ genome, loss }) => [this.variation.genomeJson(genome), loss]);
    return {
      generation: this.generation,
      population: individuals(this.population),
      children: individuals(this.children),
      random: this.random.state(),
    };
  }

  /** All seeds, also where they are more than a population: what surely keeps a limit, or a user gave, is among them. */
  private initialPopulation(): Genome[] {
    const genomes = this.variation.seeds();
    const mutants = Array.from({ length: Math.max(0, this.settings.populationSize - genomes.length) }, () =>
      this.variation.initialMutant(),
    );
    return [...genomes, ...mutants.filter((genome) => genome !== null)];
  }

  private nextGeneration(): Genome[] {
    const parents = this.population.map(({ genome }) => genome);
    const children: (Genome | null)[] = [];
    for (let i = 0; i < this.settings.mutations; i++) {
      children.push(this.variation.mutate(parents[this.random.integer(parents.length)] as Genome));
    }
    for (let i = 0; i < this.settings.crossovers && parents.length > 1; i++) {
      const [first, second] = this.random.distinctPair(parents.length);
      // Parents are sorted: the smaller index is the better one.
      const better = parents[Math.min(first, second)] as Genome;
      const worse = parents[Math.max(first, second)] as Genome;
      children.push(this.variation.crossover(better, worse) ?? this.variation.mutate(better));
    }
    return children.filter((genome) => genome !== null);
  }

  /** Children join the population, and the best of all become the parents of the next generation. */
  private absorb(): void {
    for (const child of this.children) child.loss = this.losses.get(child.key) ?? Number.NaN;
    this.population = [...this.population, ...this.children.filter(({ loss }) => !Number.isNaN(loss))]
      // Not a difference: Infinity - Infinity is NaN. The sort is stable, so parents stay before equal children.
      .sort((a, b) => (a.loss < b.loss ? -1 : a.loss > b.loss ? 1 : 0))
      .slice(0, this.settings.parents);
    this.children = [];
    this.generation++;
  }
}
