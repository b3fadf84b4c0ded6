import type { RecordOf } from '../../evaluation/index.js';
import { textTable } from '../../report/index.js';
import { evaluateLongPerplexity } from '../../workflow/evaluate-longppl.js';
import type { LongPerplexityFlags } from '../commands/evaluate-longppl.js';
import { runEvaluation } from './evaluation.js';

/** As the paper's own evaluation. */
const LONGEST_SHORT_CONTEXT = 4096;

export function runEvaluateLongPerplexity(
  model: string,
  texts: readonly string[],
  flags: LongPerplexityFlags,
): Promise<void> {
  const shortest = Math.min(...flags.length);
  return runEvaluation(
    model,
    flags,
    'longppl',
    (target) =>
      evaluateLongPerplexity(target, {
        texts,
        lengths: flags.length,
        short: flags.short ?? Math.max(2, Math.min(LONGEST_SHORT_CONTEXT, Math.floor(shortest / 4))),
        alpha: flags.alpha,
        beta: flags.beta,
        bos: flags.bos,
        ...(flags.judge !== undefined && { judge: flags.judge }),
        ...(flags.judgeRope !== undefined && { judgeMethod: flags.judgeRope }),
        textOptions: {
          textField: flags.textField,
          skipCharacters: flags.skipCharacters,
          ...(flags.minTokens !== undefined && { minTokens: flags.minTokens }),
          ...(flags.samples !== undefined && { samples: flags.samples }),
        },
      }),
    longPerplexityText,
  );
}

function longPerplexityText({ model, protocol, notes, results }: RecordOf<'longppl'>): string {
  const figure = (value: number | null) => value?.toFixed(3) ?? '-';
  const range = (interval: (typeof results)[number]['interval']) =>
    interval === null ? '-' : `${figure(interval.low)} to ${figure(interval.high)}`;
  const rows = results.map(({ method, length, longPerplexity, interval, bootstrap, perplexity, keyTokens, tokens }) => [
    method,
    String(length),
    figure(longPerplexity),
    range(interval),
    range(bootstrap),
    String(keyTokens),
    `${((100 * keyTokens) / tokens).toFixed(1)} %`,
    figure(perplexity),
  ]);
  const header = ['rope', 'tokens', 'LongPPL', '95 % interval', 'bootstrap', 'key tokens', 'share', 'perplexity'];
  return [
    `${model.path}, original length ${model.originalLength}`,
    protocol,
    '',
    textTable(
      [header, ...rows].map((row) => row.map((text) => ({ text }))),
      {
        colour: process.stdout.isTTY === true,
      },
    ),
    ...notes.map((note) => `\n${note}`),
  ].join('\n');
}
