import { type RecordOf, wilsonInterval } from '../../evaluation/index.js';
import { evaluatePasskey } from '../../workflow/evaluate-retrieval.js';
import type { PasskeyFlags } from '../commands/evaluate-passkey.js';
import { runEvaluation } from './evaluation.js';
import { plainTable, shareCells } from './share-cells.js';

export function runEvaluatePasskey(model: string, flags: PasskeyFlags): Promise<void> {
  const { protocol, trials, seed, length } = flags;
  return runEvaluation(
    model,
    flags,
    'passkey',
    (target) =>
      evaluatePasskey(target, {
        protocol,
        trials,
        seed,
        bos: flags.bos,
        policy: flags.switch,
        ...(length !== undefined && { lengths: length }),
      }),
    passkeyText,
  );
}

function passkeyText({ model, protocol, notes, results }: RecordOf<'passkey'>): string {
  const rows = results.map(({ method, length, trials }) => {
    const found = trials.filter(({ correct }) => correct).length;
    return [method, String(length), ...shareCells(found, trials.length, wilsonInterval(found, trials.length))];
  });
  return [
    `${model.path}, original length ${model.originalLength}`,
    protocol,
    ...notes,
    '',
    plainTable([['rope', 'tokens', 'found', 'of', 'share', '95 % interval'], ...rows]),
  ].join('\n');
}
