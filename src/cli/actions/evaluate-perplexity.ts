import type { RecordOf } from '../../evaluation/index.js';
import { textTable } from '../../report/index.js';
import { writeFileAtomic } from '../../run/index.js';
import { evaluatePerplexityJob } from '../../workflow/evaluate-perplexity.js';
import type { EvaluatePerplexityFlags } from '../commands/evaluate-perplexity.js';
import { runEvaluation } from './evaluation.js';

export function runEvaluatePerplexity(
  model: string,
  texts: readonly string[],
  flags: EvaluatePerplexityFlags,
): Promise<void> {
  return runEvaluation(
    model,
    flags,
    'perplexity',
    async (target) => {
      const record = await evaluatePerplexityJob(target, {
        texts,
        ...(flags.length && { lengths: flags.length }),
        protocol: flags.protocol,
        stride: flags.stride,
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
      if (flags.output !== undefined) await writeFileAtomic(flags.output, `${JSON.stringify(record, null, 2)}\n`);
      return record;
    },
    perplexityText,
  );
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
