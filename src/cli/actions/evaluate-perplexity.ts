import type { MethodPerplexity } from '../../evaluation/index.js';
import { textTable } from '../../report/index.js';
import { writeFileAtomic } from '../../run/index.js';
import { evaluatePerplexityJob, type PerplexityReport } from '../../workflow/evaluate-perplexity.js';
import type { EvaluatePerplexityOptions } from '../commands/evaluate.js';
import { interruptible } from '../interrupt.js';
import { startProgress } from '../progress.js';

export async function runEvaluatePerplexity(
  model: string,
  texts: readonly string[],
  options: EvaluatePerplexityOptions,
): Promise<void> {
  const progress = startProgress('perplexity');
  const report = await interruptible((signal) =>
    evaluatePerplexityJob({
      model,
      texts,
      ...(options.length && { lengths: options.length }),
      methods: options.rope,
      protocol: options.protocol,
      stride: options.stride ?? 256,
      bos: options.bos,
      truncate: options.truncate === true,
      maxTokens: options.maxTokens ?? null,
      ...(options.tokenizer !== undefined && { tokenizer: options.tokenizer }),
      textOptions: {
        textField: options.textField,
        skipCharacters: options.skipCharacters,
        ...(options.minTokens !== undefined && { minTokens: options.minTokens }),
        ...(options.samples !== undefined && { samples: options.samples }),
      },
      ...(options.workers !== undefined && { workers: options.workers }),
      ...(options.threads !== undefined && { threads: options.threads }),
      onProgress: (done, total, detail) => progress.update(done, total, detail),
      signal,
    }),
  ).finally(() => progress.finish());
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (options.output !== undefined) await writeFileAtomic(options.output, json);
  process.stdout.write(options.json ? json : `${perplexityText(report)}\n`);
}

function perplexityText({ results, model, texts }: PerplexityReport): string {
  const first = results[0] as MethodPerplexity;
  const { name } = first.result.protocol;
  const header = ['rope', 'tokens', 'perplexity', '95 % interval', 'scored', 'documents', 'attention factor'];
  const cells = (row: readonly string[]) => row.map((text) => ({ text }));
  const rows = results.map(({ method, length, result, attentionFactor }) => [
    method,
    String(length),
    result.perplexity.toFixed(3),
    result.interval === null ? '-' : `${result.interval.low.toFixed(2)} to ${result.interval.high.toFixed(2)}`,
    String(result.tokens),
    String(result.documents.length),
    attentionFactor.toFixed(4),
  ]);
  return [
    `${model.path}, original length ${model.originalLength}, ${texts.paths.join(', ')}`,
    `protocol ${name}, ${first.result.bos ? 'BOS first' : 'no BOS'}`,
    '',
    textTable([header, ...rows].map(cells), { colour: process.stdout.isTTY === true }),
  ].join('\n');
}
