import { type RecordOf, wilsonInterval } from '../../evaluation/index.js';
import { evaluateNeedle } from '../../workflow/evaluate-retrieval.js';
import type { NeedleFlags } from '../commands/evaluate-needle.js';
import { runEvaluation } from './evaluation.js';
import { plainTable, shareCells } from './share-cells.js';

export function runEvaluateNeedle(model: string, flags: NeedleFlags): Promise<void> {
  const { depths, needles, haystack, trials, seed, length } = flags;
  return runEvaluation(
    model,
    flags,
    'needle',
    (target) =>
      evaluateNeedle(target, {
        depths,
        needles,
        haystack,
        trials,
        seed,
        bos: flags.bos,
        policy: flags.switch,
        ...(length !== undefined && { lengths: length }),
      }),
    needleText,
  );
}

/** Per method: hits of each depth against length, and the share over all depths. */
function needleText({ model, protocol, results }: RecordOf<'needle'>): string {
  const tables = [...new Set(results.map(({ method }) => method))].map((method) => {
    const columns = results.filter((result) => result.method === method);
    const depths = [...new Set(columns.flatMap(({ trials }) => trials.map(({ depth }) => depth)))];
    const rows = depths.map((depth) => [
      `${Number((100 * depth).toFixed(1))} %`,
      ...columns.map(({ trials }) => {
        const here = trials.filter((trial) => trial.depth === depth);
        return `${here.filter(({ correct }) => correct).length}/${here.length}`;
      }),
    ]);
    const totals = columns.map(({ length, trials }) => {
      const hits = trials.filter(({ correct }) => correct).length;
      return [String(length), ...shareCells(hits, trials.length, wilsonInterval(hits, trials.length))];
    });
    return [
      `rope ${method}`,
      plainTable([['depth', ...columns.map(({ length }) => String(length))], ...rows]),
      '',
      plainTable([['tokens', 'found', 'of', 'share', '95 % interval'], ...totals]),
    ].join('\n');
  });
  return [`${model.path}, original length ${model.originalLength}`, protocol, '', tables.join('\n\n')].join('\n');
}
