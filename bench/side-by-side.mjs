// What the benchmarks that run engines in turn share.
import os from 'node:os';
import { textTable } from '../dist/index.js';

/** How steady the machine is: a fixed piece of arithmetic, timed between the rounds. */
export class Noise {
  #milliseconds = [];

  sample() {
    const started = performance.now();
    let x = 0;
    for (let i = 1; i < 3e8; i++) x += 1 / i;
    this.#milliseconds.push(x > 0 ? performance.now() - started : Number.NaN);
  }

  /** Longest over shortest time, less 1. */
  get spread() {
    return Math.max(...this.#milliseconds) / Math.min(...this.#milliseconds) - 1;
  }

  toString() {
    return `machine noise: a fixed computation varied by ${(100 * this.spread).toFixed(0)} %`;
  }
}

/** One run of every engine, in turn, as often as there are rounds: [{ NAME: result }]. */
export async function inTurn(engines, rounds, noise) {
  const all = [];
  for (let round = 0; round < rounds; round++) {
    noise.sample();
    const row = {};
    for (const [name, engine] of Object.entries(engines)) row[name] = await engine();
    all.push(row);
  }
  return all;
}

/** Speed of an engine over the rounds; ratios are taken within a round. Results have `seconds` and `peak_rss_mb`. */
export function compared(rounds, name, tokens) {
  const ratios = rounds.map((row) => row[name].seconds / row.longrope.seconds);
  return {
    engine: name,
    tokensPerSecond: tokens / median(rounds.map((row) => row[name].seconds)),
    oursIsFasterBy: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    peakMegabytes: Math.max(...rounds.map((row) => row[name].peak_rss_mb)),
  };
}

/** The cells of `compared`, under this head. */
export const COMPARED = ['engine', 'tokens/s', 'ours / it', 'range', 'peak MB'];
export function comparedCells({ engine, tokensPerSecond, oursIsFasterBy, ratioRange, peakMegabytes }) {
  const ratio = engine === 'longrope' ? ['', ''] : [times(oursIsFasterBy), ratioRange.map(fixed2).join(' to ')];
  return [engine, tokensPerSecond.toFixed(0), ...ratio, peakMegabytes.toFixed(0)];
}

export function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** Rows of text or numbers, the first being the head. */
export function printTable(rows) {
  console.log(
    textTable(
      rows.map((row) => row.map((text) => ({ text: String(text) }))),
      { colour: false },
    ),
  );
}

/** For `node --import`: the process ends with its peak memory on standard error, which `peakBytes` reads. */
export const PEAK = "data:text/javascript,process.on('exit',()=>console.error('peak '+process.resourceUsage().maxRSS))";
export function peakBytes(stderr) {
  return 1024 * Number(/^peak (\d+)$/m.exec(stderr)[1]);
}

export const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} cores`;

function fixed2(value) {
  return value.toFixed(2);
}

function times(value) {
  return `${fixed2(value)}x`;
}
