import { availableParallelism } from 'node:os';
import { UserError } from '../errors.js';
import type { Model } from '../model/index.js';
import { fitSpeed, type Measurement, type Speed } from '../plan/index.js';
import { resolveRope } from '../rope/frequencies.js';
import { type Engine, type EngineOptions, openEngine } from '../runtime/index.js';

/** Long enough that attention shows, short enough to wait for. */
const LONG_SECONDS = 4;
/** An undisturbed measurement gets nearly all processors; below this another program had its part. */
const BUSY_SHARE = 0.8;
/** Enough to tell how fast the machine is, roughly. */
const FIRST_SECONDS = 0.4;
const FIRST_LENGTH = 16;
const SHARE = 4;
/** A disturbed run shows as a slow one, so each length has more than one. */
const SHORT_RUNS = 3;
const LONG_RUNS = 2;
const STEP = 64;
/** Where the target does not fit into memory. */
const FITTING_LENGTH = 1024;

export interface CalibrateOptions {
  /** Longest length of the plan: how many evaluations fit into memory at a time depends on it. */
  readonly target: number;
  /** Evaluations that could run at a time at all. */
  readonly documents: number;
  readonly signal?: AbortSignal;
}

export interface Calibration {
  /** null: not even a short sequence fits into memory, which the notes say. */
  readonly speed: Speed | null;
  readonly seconds: number;
  readonly notes: readonly string[];
}

/** Runs the model's own graph at two lengths, as an evaluation would: as many at a time as it would run. */
export async function calibrate(model: Model, options: CalibrateOptions): Promise<Calibration> {
  const started = performance.now();
  const { engine, longest, notes } = await openForCalibration(model, options);
  if (engine === null) return { speed: null, seconds: 0, notes };
  try {
    const measure = (length: number) => measureLength(engine, model, length, options.signal);
    await measure(Math.min(FIRST_LENGTH, longest));
    let first: Measurement = { length: FIRST_LENGTH / 2, seconds: 0 };
    while (first.seconds < FIRST_SECONDS && first.length < longest)
      first = await measure(Math.min(2 * first.length, longest));
    const affordable = Math.floor(((first.length / first.seconds) * LONG_SECONDS) / STEP) * STEP;
    const long = Math.min(longest, Math.max(STEP, affordable));
    const short = Math.max(2, Math.round(long / SHARE));
    const measurements = [await best(measure, short, SHORT_RUNS), await best(measure, long, LONG_RUNS)] as const;
    const speed = fitSpeed(model.spec, measurements, engine.workers);
    const share = Math.min(...measurements.map(({ processorShare = 1 }) => processorShare));
    const busy = `other programs had ${Math.round(100 * (1 - share))} % of the processors during the measurement: as long as they run, everything here takes longer`;
    const seconds = (performance.now() - started) / 1000;
    return { speed, seconds, notes: share < BUSY_SHARE ? [...notes, busy] : notes };
  } finally {
    await engine.close();
  }
}

async function openForCalibration(
  model: Model,
  { target, documents }: CalibrateOptions,
): Promise<{ readonly engine: Engine | null; readonly longest: number; readonly notes: readonly string[] }> {
  const whole = await openFitting(model, { maxLength: target, maxWorkers: documents });
  if (!(whole instanceof UserError)) return { engine: whole, longest: target, notes: [] };
  const longest = Math.min(target, FITTING_LENGTH);
  const engine = await openFitting(model, { maxLength: longest, maxWorkers: 1 });
  const [fits, times] =
    engine instanceof UserError ? [null, 'not measured'] : [engine, 'those of one evaluation at a time'];
  return { engine: fits, longest, notes: [`does not fit into this machine: ${whole.message}; times are ${times}`] };
}

/** What does not fit into memory is an answer here. */
async function openFitting(model: Model, options: EngineOptions): Promise<Engine | UserError> {
  return openEngine(model, options).catch((error: unknown) => {
    if (error instanceof UserError && error.kind === 'resource') return error;
    throw error;
  });
}

/** The fastest of some runs: what disturbs a run makes it slower, never faster. */
async function best(
  measure: (length: number) => Promise<Measurement>,
  length: number,
  runs: number,
): Promise<Measurement> {
  const all: Measurement[] = [];
  for (let run = 0; run < runs; run++) all.push(await measure(length));
  return all.reduce((fastest, one) => (one.seconds < fastest.seconds ? one : fastest));
}

/** All workers compute a sequence of this length; what its tokens are does not change the time. */
async function measureLength(
  engine: Engine,
  { spec }: Model,
  length: number,
  signal?: AbortSignal,
): Promise<Measurement> {
  const ids = Int32Array.from({ length }, (_, i) => (i * 7919) % spec.vocabularySize);
  const rope = resolveRope(spec.rope.geometry, { type: 'default' }, length);
  signal?.throwIfAborted();
  const started = performance.now();
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: engine.workers }, () => engine.tokenLosses({ ids, rope, scoreFrom: 1 }, signal)),
  );
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  const processorSeconds = (user + system) / 1e6;
  const processors = availableParallelism();
  return {
    length,
    // A worker of one thread that has a processor to itself takes as long as it computes, whatever else runs now.
    seconds: engine.workers === processors ? processorSeconds / processors : seconds,
    processorShare: processorSeconds / seconds / processors,
  };
}
