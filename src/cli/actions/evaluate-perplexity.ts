import { type Problem, UserError } from '../../errors.js';
import type { RecordOf } from '../../evaluation/index.js';
import { textTable } from '../../report/index.js';
import { checkFileTarget, writeFileAtomic } from '../../run/index.js';
import { evaluatePerplexityJob } from '../../workflow/evaluate-perplexity.js';
import type { EvaluatePerplexityFlags } from '../commands/evaluate-perplexity.js';
import { runEvaluation } from './evaluation.js';

const DEFAULT_STRIDE = 256;

export async function runEvaluatePerplexity(
  model: string,
  texts: readonly string[],
  flags: EvaluatePerplexityFlags,
): Promise<void> {
  refuseUnread(flags);
  const { output, stride = DEFAULT_STRIDE } = flags;
  return runEvaluation(
    model,
    flags,
    'perplexity',
    async (target) => {
      if (output !== undefined) await checkFileTarget(output);
      const record = await evaluatePerplexityJob(target, {
        texts,
        ...(flags.length && { lengths: flags.length }),
        protocol: flags.protocol,
        stride,
        bos: flags.bos,
        truncate: flags.truncate === true,
        maxTokens: flags.maxTokens ?? null,
        textOptions: {
          textField: flags.textField,
          skipCharacters: flags.skipCharacters,
          ...(flags.minTokens !== undefined && { minTokens: flags.minTokens }),
          ...(flags.samples !== undefined && { samples: flags.samples }),
        },
      });
      if (output !== undefined) await writeFileAtomic(output, `${JSON.stringify(record, null, 2)}\n`);
      return record;
    },
    perplexityText,
  );
}

/** Options that the protocol does not look at: whoever gives one expects that it does. */
function refuseUnread({ protocol, stride, truncate, maxTokens }: EvaluatePerplexityFlags): void {
  const given: readonly [flag: string, value: unknown, protocols: readonly string[]][] = [
    ['--stride', stride, ['released', 'sliding']],
    ['--truncate', truncate, ['released']],
    ['--max-tokens', maxTokens, ['sliding']],
  ];
  const problems: Problem[] = given
    .filter(([, value, protocols]) => value !== undefined && !protocols.includes(protocol))
    .map(([where, , protocols]) => ({
      where,
      expected: `--protocol ${protocols.join(' or ')}, which reads it`,
      found: `--protocol ${protocol}`,
    }));
  if (stride !== undefined && truncate)
    problems.push({ where: '--stride', expected: 'one of --stride and --truncate', found: 'both' });
  if (problems.length > 0) throw new UserError('usage', problems);
}

function perplexityText({ results, model, protocol, inputs }: RecordOf<'perplexity'>): string {
  const header = [
    'rope',
    'tokens',
    'perplexity',
    '95 % interval',
    'bootstrap',
    'scored',
    'documents',
    'attention factor',
  ];
  const cells = (row: readonly string[]) => row.map((text) => ({ text }));
  const figure = (value: number | null, digits: number) => value?.toFixed(digits) ?? '∞';
  const range = (interval: (typeof results)[number]['interval']) =>
    interval === null ? '-' : `${figure(interval.low, 2)} to ${figure(interval.high, 2)}`;
  const rows = results.map(
    ({ method, length, perplexity, interval, bootstrap, tokens, documents, attentionFactor }) => [
      method,
      String(length),
      figure(perplexity, 3),
      range(interval),
      range(bootstrap),
      String(tokens),
      String(documents.length),
      attentionFactor.toFixed(4),
    ],
  );
  return [
    `${model.path}, original length ${model.originalLength}, ${inputs[0]?.name ?? ''}`,
    protocol,
    '',
    textTable([header, ...rows].map(cells), { colour: process.stdout.isTTY === true }),
  ].join('\n');
}
