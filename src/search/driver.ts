import { UserError } from '../errors.js';
import { formatFactorCsv } from '../rope/index.js';
import { openRunDirectory, type RunDirectory, sha256Json, writeFileAtomic } from '../run/index.js';
import { breaksLimit } from './compared-loss.js';
import { Evaluator } from './evaluator.js';
import { frontOf, scoreBaselines, scoreContenders, scoreHeldOut, winnerOf } from './final-scores.js';
import { type ScoredGeneration, scoreGeneration } from './generation.js';
import { manifest } from './manifest.js';
import type { SearchOptions } from './options.js';
import { raceGeneration } from './racing-generation.js';
import { checkRacing, type Racing, racingSettings } from './racing-options.js';
import { comparableLoss, type GenerationSummary, resultJson, type SearchResult } from './result.js';
import { stateHash } from './state-hash.js';
import { Stopwatch } from './stopwatch.js';
import type { StopReasons } from './types.js';

/**
 * Runs a search, or the rest of one that was cut off at any point: asks, evaluates, tells, until the algorithm stops or the
 * budget ends; then scores the contenders on all search documents and the winner and the baselines on the held-out ones.
 * Writes `manifest.json`, `journal.jsonl`, `timings.jsonl`, `result.json` and `factors.csv` (docs/search.md).
 *
 * The result depends on the options only, not on workers, kills or resumes (with a budget in seconds: on where the clock
 * cut, which is journaled). Throws `UserError`: 'usage' for a budget too small, 'busy', 'input' and 'resource' as
 * `openRunDirectory`, 'interrupted' by `signal`.
 */
export async function runSearch(options: SearchOptions): Promise<SearchResult> {
  const { algorithm, objective, budget } = options;
  if (algorithm.comparesAcrossGenerations && algorithm.documentsPerGeneration !== 'all') {
    throw new Error(`${algorithm.name} compares generations that are scored on different documents`);
  }
  if (objective.documents.length === 0) throw new Error('a search needs at least one document');
  if (algorithm.wantsGradients !== undefined && !objective.gradients)
    throw new UserError('unsupported', {
      where: `the algorithm ${algorithm.name}`,
      expected: 'an objective that gives gradients',
      found: 'losses alone',
      fix: 'search with cma-es',
    });
  if (options.problem.shortRise !== undefined && objective.hasShortLimit !== true)
    throw new UserError('usage', {
      where: 'short limit',
      expected: 'an objective that gives the loss at the original length too',
      found: 'one without it',
      fix: 'leave the limit out',
    });
  const racing = options.racing === undefined ? null : racingSettings(options.racing);
  if (racing !== null && objective.hasShortLimit === true)
    throw new UserError('usage', {
      where: 'racing',
      expected: 'no limit at the original length, which parts of a race cannot decide',
      found: 'both',
      fix: 'leave out one of them',
    });
  if (racing !== null) checkRacing(racing, algorithm, objective.documents.length);
  const directory = await openRunDirectory(options.runDirectory, manifest(options, racing));
  try {
    const stopwatch = await Stopwatch.open(
      directory.file('timings.jsonl'),
      budget.unit === 'seconds' ? budget.amount : null,
    );
    return await new Driver(options, racing, directory, stopwatch).run();
  } finally {
    await directory.close();
  }
}

class Driver {
  private readonly evaluator: Evaluator;
  private readonly curve: Omit<GenerationSummary, 'comparableLoss'>[] = [];
  private generation = 0;
  private readonly races = { candidates: 0, dropped: 0, planned: 0, evaluations: 0 };

  constructor(
    private readonly options: SearchOptions,
    private readonly racing: Racing | null,
    private readonly directory: RunDirectory,
    stopwatch: Stopwatch,
  ) {
    this.evaluator = new Evaluator(options, directory, stopwatch);
  }

  async run(): Promise<SearchResult> {
    const { options, evaluator } = this;
    const { algorithm, seed, partsOf, pull = 0 } = options;
    const stop = await this.search();
    const spent = () => ({ documents: evaluator.spent.documents, tokens: evaluator.spent.tokens });
    await evaluator.recorder.note({ type: 'stop', reasons: stop, spent: spent() });
    const contenders = await scoreContenders(options, evaluator, this.generation);
    const winner = winnerOf(contenders, evaluator, { pull, where: this.directory.path });
    const front = frontOf(options.objective, contenders, evaluator);
    const baselines = await scoreBaselines(options, evaluator, this.generation);
    const heldOut = await scoreHeldOut(options, evaluator, this.generation, winner.candidate);
    const result: SearchResult = {
      algorithm: algorithm.name,
      seed,
      stop,
      spent: spent(),
      winner: { ...winner, name: 'searched' },
      contenders,
      curve: this.curve.map((point) => ({
        ...point,
        comparableLoss: comparableLoss(point, winner, options.objective.scoredTokens),
      })),
      ...(baselines && { baselines }),
      heldOut,
      ...(this.racing !== null && { races: { ...this.races } }),
      ...(front && { front }),
      ...(partsOf && { parts: partsOf(winner.candidate) }),
    };
    const json = resultJson(result);
    await writeFileAtomic(this.directory.file('result.json'), `${JSON.stringify(json, null, 2)}\n`);
    await writeFileAtomic(this.directory.file('factors.csv'), formatFactorCsv(winner.candidate.factors));
    await evaluator.recorder.note({ type: 'end', result: sha256Json(json) });
    return result;
  }

  private async search(): Promise<StopReasons> {
    const { evaluator, racing } = this;
    const { algorithm } = this.options;
    for (;;) {
      const reasons = algorithm.stop();
      if (Object.keys(reasons).length > 0) return reasons;
      const asked = algorithm.ask();
      if (asked.length === 0) continue;
      const { generation } = this;
      const scored =
        racing === null
          ? await scoreGeneration(this.options, evaluator, asked, generation)
          : await raceGeneration(this.options, racing, evaluator, asked, generation);
      const isWhole = scored.told.length === asked.length;
      if (scored.told.length > 0 && (isWhole || algorithm.comparesAcrossGenerations)) {
        algorithm.tell(scored.told);
        // What the clock cut is followed by the stop alone: that is how a resume knows where it was.
        if (!evaluator.isCut) await evaluator.recorder.note({ type: 'told', generation, state: stateHash(algorithm) });
        this.summarise(scored);
      }
      if (!isWhole || evaluator.isCut) return evaluator.budgetReasons();
      this.generation++;
    }
  }

  private summarise({ told, documents, race }: ScoredGeneration): void {
    if (race !== undefined) {
      this.races.candidates += told.length;
      this.races.dropped += race.dropped;
      this.races.planned += race.planned;
      this.races.evaluations = this.evaluator.spent.documents;
    }
    const losses = told
      .map(({ loss }) => (breaksLimit(loss) ? Number.POSITIVE_INFINITY : loss))
      // Not a difference: Infinity - Infinity is NaN.
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    this.curve.push({
      generation: this.generation,
      documents: this.evaluator.spent.documents,
      tokens: this.evaluator.spent.tokens,
      scoredOn: documents,
      bestLoss: losses[0] as number,
      medianLoss: losses[Math.floor((losses.length - 1) / 2)] as number,
    });
  }
}
