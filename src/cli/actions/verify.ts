import { type Problem, UserError } from '../../errors.js';
import { type Cell, textTable } from '../../report/text-table.js';
import { writeFileAtomic } from '../../run/index.js';
import { type RunVerdict, type Verification, verifyExport } from '../../workflow/verify.js';
import type { VerifyFlags } from '../commands/verify.js';
import { interruptible } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { verdictText } from './engine-verdict.js';

const INTERRUPT = { notice: 'stopping', fix: 'start the command again' };

export async function runVerify(exported: string, flags: VerifyFlags): Promise<void> {
  const progress = startProgress('verify');
  const { rope, short, target, length, script } = flags;
  if (rope === undefined && (short !== undefined || target !== undefined))
    throw new UserError('usage', { where: '--short, --target', expected: '--rope with factors', found: 'no --rope' });
  const result = await interruptible(
    (signal) =>
      verifyExport({
        exported,
        ...(rope !== undefined && {
          rope: { rope, ...(short !== undefined && { short }), ...(target !== undefined && { targetLength: target }) },
        }),
        ...(length !== undefined && { lengths: length }),
        text: flags.text,
        engines: {
          ...(flags.engine.length > 0 && { only: flags.engine }),
          pythons: flags.python === undefined ? ['python3', 'python'] : [flags.python],
        },
        chunk: flags.chunk,
        ...(script !== undefined && { script }),
        onProgress: progress.update,
        signal,
      }),
    INTERRUPT,
  ).finally(() => progress.finish());
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (flags.output !== undefined) await writeFileAtomic(flags.output, json);
  process.stdout.write(flags.json ? json : describe(result));
  if (result.passed) return;
  throw new UserError('gate', failures(exported, rope, result));
}

function failures(exported: string, rope: string | undefined, result: Verification): Problem[] {
  const problems: Problem[] = [];
  const { requiredLengths: required } = result;
  if (required !== null && lengthsOf(required) !== lengthsOf(result))
    problems.push({
      where: exported,
      expected: `${lengthsOf(required)}, as --rope ${rope} says`,
      found: lengthsOf(result),
    });
  else if (result.carries === false)
    problems.push({ where: exported, expected: `the factors of --rope ${rope}`, found: 'others' });
  if (result.carries === null && result.runs.length === 0)
    problems.push({
      where: exported,
      expected: 'something to compare it with',
      found: `neither --rope with factors nor an engine that runs (${result.skipped.map(({ engine, reason }) => `${engine}: ${reason}`).join('; ')})`,
      fix: 'give the factors it has to carry as --rope, or make the comparison elsewhere with --script',
    });
  for (const run of result.runs)
    if (!run.same && !run.informative)
      problems.push({
        where: `${run.engine}, ${run.length} tokens, ${shapeOf(run)}`,
        expected: `what the ${run.table} table gives`,
        found: `logits that differ by ${run.largestLogitDifference.toPrecision(2)}, perplexity by ${(100 * (run.perplexity / run.expectedPerplexity - 1)).toPrecision(2)} %`,
      });
  if (problems.length === 0)
    problems.push({
      where: exported,
      expected: 'what it means, by the rules of the engines that ran',
      found: 'another table (see "by its rules")',
    });
  return problems;
}

const lengthsOf = ({ originalLength, maximumLength }: Pick<Verification, 'originalLength' | 'maximumLength'>) =>
  `original length ${originalLength}, maximum ${maximumLength}`;

function describe(result: Verification): string {
  const tables = [
    ['engine', 'tokens', 'table', 'attention', 'by its rules'],
    ...result.tables.map(({ engine, length, table, attentionFactor, judgement }) => [
      engine,
      `${length}`,
      table ?? '-',
      attentionFactor?.toPrecision(6) ?? '-',
      verdictText(judgement),
    ]),
  ];
  const runs = [
    ['engine', 'tokens', 'how', 'table', 'logits differ by', 'perplexity', 'longrope', 'verdict'],
    ...result.runs.map((run) => [
      run.engine,
      `${run.length}`,
      shapeOf(run),
      run.table,
      run.largestLogitDifference.toExponential(1),
      run.perplexity.toFixed(4),
      run.expectedPerplexity.toFixed(4),
      run.same ? 'same' : run.informative ? 'differs: keys of both tables in one cache' : 'DIFFERS',
    ]),
  ];
  const lines = [
    `${result.exported}: ${lengthsOf(result)}`,
    ...(result.carries === null ? [] : [`carries what --rope says: ${result.carries ? 'yes' : 'NO'}`]),
    '',
    textTable(cells(tables), { colour: false }),
    ...(result.runs.length === 0 ? [] : ['', `run: ${result.engines.map(engineText).join(', ')}`]),
    ...(result.runs.length === 0 ? [] : [textTable(cells(runs), { colour: false })]),
    ...result.skipped.map(({ engine, reason }) => `not run: ${engine}: ${reason}`),
    '',
    result.passed ? 'verified' : 'NOT verified',
  ];
  return `${lines.join('\n')}\n`;
}

const engineText = ({ version, tolerance: { logits, perplexity } }: Verification['engines'][number]) =>
  `${version} (the same: logits within ${logits}, perplexity within ${100 * perplexity} %)`;

const cells = (rows: readonly (readonly string[])[]) => rows.map((row) => row.map((text): Cell => ({ text })));

function shapeOf({ context, chunk }: Pick<RunVerdict, 'context' | 'chunk'>): string {
  const reading = chunk === null ? 'at once' : `${chunk} at a time`;
  return context === null ? reading : `context ${context}, ${reading}`;
}
