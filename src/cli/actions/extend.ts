import { availableParallelism } from 'node:os';
import { type Problem, UserError } from '../../errors.js';
import { textTable } from '../../report/index.js';
import { EXTENSION_NAME, type ExtendJob, type Extension, extend } from '../../workflow/extend.js';
import { type ExtendPlan, planExtension } from '../../workflow/extend-plan.js';
import type { RecipeOverrides } from '../../workflow/extend-recipe.js';
import type { ExtendFlags } from '../commands/extend.js';
import { interruptible } from '../interrupt.js';
import { formatDuration, startProgress } from '../progress.js';
import { commandLine } from './command-line.js';

export async function runExtend(recipe: string, flags: ExtendFlags): Promise<void> {
  const overrides = {
    recipe,
    ...(flags.model !== undefined && { model: flags.model }),
    texts: flags.text,
    factors: single('--factors', flags.factors),
  };
  const checkpoints = single('--checkpoint', flags.checkpoint);
  if (flags.dryRun === true) {
    const plan = await interruptible(
      (signal) => planExtension({ ...overrides, calibrate: flags.calibrate, gpu: {}, signal }),
      { notice: 'stopping', fix: 'start the command again, or leave the measurement out with --no-calibrate' },
    );
    process.stdout.write(flags.json ? `${JSON.stringify(plan, null, 2)}\n` : `${describePlan(plan)}\n`);
    return;
  }
  const { out } = flags;
  if (out === undefined)
    throw new UserError('usage', { where: '--out', expected: 'a run folder (or --dry-run)', found: 'neither' });
  const progress = startProgress('extend');
  const job: Omit<ExtendJob, 'signal'> = {
    ...overrides,
    out,
    checkpoints,
    device: flags.device,
    ...(flags.workers !== undefined && { workers: flags.workers }),
    ...(flags.threads !== undefined && { threads: flags.threads }),
    trainingThreads: flags.threads ?? availableParallelism(),
    command: commandLine(reproducing(recipe, out, overrides)),
    onProgress: (done, total, detail) => progress.update(done, total, detail),
  };
  const extension = await interruptible((signal) => extend({ ...job, signal })).finally(() => progress.finish());
  process.stdout.write(flags.json ? `${JSON.stringify(extension, null, 2)}\n` : `${describe(extension, out)}\n`);
}

/** What results depend on, in one order: it stands in them, and they may not differ between two starts of a run. */
function reproducing(recipe: string, out: string, { model, texts, factors }: RecipeOverrides): string[] {
  const named = (flag: string, [name, paths]: readonly [string, readonly string[]]) =>
    paths.flatMap((path) => [flag, `${name}=${path}`]);
  return [
    'extend',
    recipe,
    ...(model === undefined ? [] : ['--model', model]),
    ...[...texts].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap((text) => named('--text', text)),
    ...[...factors].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, path]) => named('--factors', [name, [path]])),
    '--out',
    out,
  ];
}

/** Flags of which a name has one value. */
function single(flag: string, given: ReadonlyMap<string, readonly string[]>): Map<string, string> {
  const problems = [...given].flatMap(([name, paths]): Problem[] =>
    paths.length === 1 ? [] : [{ where: `${flag} ${name}`, expected: 'one path', found: paths.join(', ') }],
  );
  if (problems.length > 0) throw new UserError('usage', problems);
  return new Map([...given].map(([name, [path]]) => [name, path as string]));
}

function describePlan({ recipe, model, gpu, stages, notes }: ExtendPlan): string {
  const duration = (seconds: number | null) =>
    seconds === null ? '-' : seconds < 1 ? '< 1 s' : formatDuration(1000 * seconds);
  const here = (seconds: number | null, budget: number) => (budget > 0 ? budget + (seconds ?? 0) : seconds);
  const sum = (of: (stage: ExtendPlan['stages'][number]) => number) =>
    stages.reduce((total, stage) => total + of(stage), 0);
  const isMeasured = stages.every(({ machineSeconds }) => machineSeconds !== null);
  const rows = stages.map((stage, i) => [
    `${i + 1} ${stage.name}`,
    stage.here ? stage.stage : `${stage.stage} elsewhere`,
    stage.model,
    sequences(stage.work),
    `${stage.tokens}`,
    stage.flops.toExponential(2),
    stage.here ? duration(here(stage.machineSeconds, stage.budgetSeconds)) : '-',
    duration(stage.gpuSeconds),
  ]);
  const total = [
    'all',
    '',
    '',
    '',
    `${sum(({ tokens }) => tokens)}`,
    sum(({ flops }) => flops).toExponential(2),
    isMeasured
      ? duration(sum((stage) => (stage.here ? (here(stage.machineSeconds, stage.budgetSeconds) ?? 0) : 0)))
      : '-',
    duration(sum(({ gpuSeconds }) => gpuSeconds)),
  ];
  const header = ['stage', 'kind', 'model', 'sequences', 'tokens', 'FLOPs', 'here', `one ${gpu.name}`];
  return [
    `${recipe} on ${model}: ${stages.length} stages`,
    ...notes.map((note) => `note: ${note}`),
    '',
    plain([header, ...rows, total]),
  ].join('\n');
}

function describe({ stages }: Extension, out: string): string {
  return [
    ...stages.flatMap(({ name, stage, figures }) => [`${name} (${stage})`, ...figureLines(figures)]),
    '',
    `written: ${out}/${EXTENSION_NAME}, ${out}/stages/`,
  ].join('\n');
}

/** Each length with its sequences, or, where they are many, all of them and the shortest and longest. */
function sequences(work: ExtendPlan['stages'][number]['work']): string {
  const counts = new Map<number, number>();
  for (const { length, sequences: count } of work) counts.set(length, (counts.get(length) ?? 0) + count);
  if (counts.size === 0) return '-';
  if (counts.size <= 2) return [...counts].map(([length, count]) => `${count} x ${length}`).join(', ');
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${total} x ${Math.min(...counts.keys())} to ${Math.max(...counts.keys())}`;
}

/** Tables of rows as such, single figures on one line. */
function figureLines(figures: Extension['stages'][number]['figures']): string[] {
  if (typeof figures !== 'object' || figures === null || Array.isArray(figures)) return [];
  const entries = Object.entries(figures as Record<string, unknown>);
  const isTable = (value: unknown): value is Record<string, unknown>[] =>
    Array.isArray(value) && value.length > 0 && value.every((row) => typeof row === 'object' && row !== null);
  const singles = entries.filter(([, value]) => !isTable(value));
  const show = (value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value)
      ? value.toFixed(4)
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value);
  return [
    ...singles.map(([key, value]) => `  ${key}: ${show(value)}`),
    ...entries.flatMap(([key, value]) => {
      if (!isTable(value)) return [];
      const columns = Object.keys(value[0] as object);
      const table = plain([columns, ...value.map((row) => columns.map((column) => show(row[column])))]);
      return [`  ${key}`, ...table.split('\n').map((line) => `    ${line}`)];
    }),
  ];
}

function plain(rows: readonly (readonly string[])[]): string {
  return textTable(
    rows.map((row) => row.map((text) => ({ text }))),
    { colour: false },
  );
}
