import { UserError } from '../errors.js';
import type { Model } from '../model/index.js';
import { fitSpeed, type Measurement, type Speed } from '../plan/index.js';
import { resolveRope } from '../rope/frequencies.js';
import { type Engine, openEngine } from '../runtime/index.js';

/** Long enough that attention shows, short enough to wait for. */
const LONG_SECONDS = 5;
/** Enough to tell how fast the machine is, roughly. */
const FIRST_SECONDS = 0.4;
const FIRST_LENGTH = 16;
const SHARE = 4;
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
  readonly speed: Speed;
  readonly seconds: number;
  readonly notes: readonly string[];
}

/** Runs the model's own graph at two lengths, as an evaluation would: as many at a time as it would run. */
export async function calibrate(model: Model, options: CalibrateOptions): Promise<Calibration> {
  const started = performance.now();
  const { engine, longest, notes } = await openForCalibration(model, options);
  try {
    const measure = (length: number) => measureLength(engine, model, length, options.signal);
    await measure(Math.min(FIRST_LENGTH, longest));
    let first: Measurement = { length: FIRST_LENGTH / 2, seconds: 0 };
    while (first.seconds < FIRST_SECONDS && first.length < longest)
      first = await measure(Math.min(2 * first.length, longest));
    const affordable = Math.floor(((first.length / first.seconds) * LONG_SECONDS) / STEP) * STEP;
    const long = Math.min(longest, Math.max(STEP, affordable));
    const short = Math.max(2, Math.round(long / SHARE));
    const measurements = [await best(measure, short, 2), await best(measure, long, 1)] as const;
    const speed = fitSpeed(model.spec, measurements, engine.workers);
    return { speed, seconds: (performance.now() - started) / 1000, notes };
  } finally {
    await engine.close();
  }
}

async function openForCalibration(
  model: Model,
  { target, documents }: CalibrateOptions,
): Promise<{ readonly engine: Engine; readonly longest: number; readonly notes: readonly string[] }> {
  try {
    return {
      engine: await openEngine(model, { maxLength: target, maxWorkers: documents }),
      longest: target,
      notes: [],
    };
  } catch (error) {
    if (!(error instanceof UserError) || error.kind !== 'resource') throw error;
    const engine = await openEngine(model, { maxLength: FITTING_LENGTH, maxWorkers: 1 });
    const notes = [`does not fit into this machine: ${error.message}; times are those of one evaluation at a time`];
    return { engine, longest: Math.min(target, FITTING_LENGTH), notes };
  }
}

/** The fastest of some runs: what disturbs a run makes it slower, never faster. */
async function best(
  measure: (length: number) => Promise<Measurement>,
  length: number,
  runs: number,
): Promise<Measurement> {
  const all: Measurement[] = [];
  for (let run = 0; run < runs; run++) all.push(await measure(length));
  return { length, seconds: Math.min(...all.map(({ seconds }) => seconds)) };
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
  await Promise.all(
    Array.from({ length: engine.workers }, () => engine.tokenLosses({ ids, rope, scoreFrom: 1 }, signal)),
  );
  return { length, seconds: (performance.now() - started) / 1000 };
}
