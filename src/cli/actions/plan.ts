import { type Cell, textTable } from '../../report/text-table.js';
import { type Plan, planModel } from '../../workflow/plan.js';
import type { PlanFlags } from '../commands/plan.js';
import { interruptible } from '../interrupt.js';
import { formatDuration, startProgress } from '../progress.js';
import { formatBytes } from './export-output.js';

const INTERRUPT = {
  notice: 'stopping',
  fix: 'start the command again, or leave the measurement out with --no-calibrate',
};

export async function runPlan(model: string, flags: PlanFlags): Promise<void> {
  const { gpu: name, gpuTflops: teraflops, gpuMemory: memory, gpuUtilisation: utilisation, json, ...rest } = flags;
  const progress = startProgress('measuring this machine');
  progress.update(0, 1);
  const plan = await interruptible(
    (signal) =>
      planModel({
        model,
        ...rest,
        gpu: {
          ...(name !== undefined && { name }),
          ...(teraflops !== undefined && { teraflops }),
          ...(memory !== undefined && { memory }),
          ...(utilisation !== undefined && { utilisation }),
        },
        signal,
      }),
    INTERRUPT,
  ).finally(() => progress.finish());
  process.stdout.write(json ? `${JSON.stringify(plan, null, 2)}\n` : `${describe(plan)}\n`);
}

function describe(plan: Plan): string {
  const { original, target, ratio, parameters, gpu, machine, stages, mixedWindow } = plan;
  const share = `${Math.round(100 * gpu.utilisation)} % of ${gpu.teraflops} TFLOP/s, ${gpu.memory} GB`;
  const here =
    machine === null
      ? 'not measured'
      : `${machine.workers} at a time; ${(machine.linearRate / 1e9).toFixed(1)} GFLOP/s each in matrix products, ${(machine.attentionRate / 1e9).toFixed(1)} in attention (measured at ${machine.measured.map(({ length }) => length).join(' and ')} tokens in ${formatDuration(1000 * machine.calibrationSeconds)})`;
  return [
    `${plan.model}: ${plan.architecture}, ${count(parameters.total)} parameters, ${formatBytes(plan.cacheBytesPerToken)} of keys and values per token in float16`,
    `original length ${original.value} (${original.from}), target ${target}, scale ${Number(ratio.toPrecision(6))}`,
    `here: ${here}`,
    `GPU: ${gpu.name}, ${share}`,
    ...plan.notes.map((note) => `note: ${note}`),
    '',
    'One sequence: forward pass, memory, and full fine-tuning',
    lengthTable(plan),
    '',
    'Stages',
    stageTable([...stages, ...(mixedWindow === null ? [] : [{ ...mixedWindow, title: `or ${mixedWindow.title}` }])]),
    ...new Set(stages.map(({ source }) => `  ${source}`)),
    ...stages.flatMap(({ command }) => (command === undefined ? [] : [`  ${command}`])),
    '',
    'Settings without a search (YaRN)',
    ...settings(plan.yarn),
    '',
    'Settings for searched factors',
    ...settings(plan.longrope),
  ].join('\n');
}

function lengthTable({ lengths }: Plan): string {
  return table([
    [
      'tokens',
      'FLOPs',
      'attention',
      'KV float16',
      'memory here',
      'time here',
      'finetune here',
      'memory GPU',
      'time GPU',
      'training',
      'GPUs',
    ],
    ...lengths.map((cost) => [
      `${cost.length}`,
      cost.flops.toExponential(2),
      `${Math.round(100 * cost.attentionShare)} %`,
      formatBytes(cost.cacheBytes),
      formatBytes(cost.machineBytes),
      duration(cost.machineSeconds),
      formatBytes(cost.machineTrainingBytes),
      formatBytes(cost.gpuBytes),
      duration(cost.gpuSeconds),
      formatBytes(cost.trainingBytes),
      `${cost.trainingGpus}`,
    ]),
  ]);
}

function stageTable(stages: readonly Plan['stages'][number][]): string {
  return table([
    ['stage', 'sequences', 'tokens', 'FLOPs', 'here', 'one GPU'],
    ...stages.map((stage) => [
      stage.title,
      `${stage.work.reduce((sum, { sequences }) => sum + sequences, 0)}`,
      count(stage.tokens),
      stage.flops.toExponential(2),
      duration(stage.machineSeconds),
      duration(stage.gpuSeconds),
    ]),
  ]);
}

function settings(tools: Plan['yarn']): string[] {
  return tools.flatMap(({ tool, lines, note }) => [
    `  ${tool}${note === undefined ? '' : ` (${note})`}`,
    ...lines.map((line) => `    ${line}`),
  ]);
}

function table(rows: readonly (readonly string[])[]): string {
  return textTable(
    rows.map((row) => row.map((text): Cell => ({ text }))),
    { colour: false },
  );
}

function count(value: number): string {
  for (const [unit, size] of [
    ['T', 1e12],
    ['B', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const)
    if (value >= size) return `${(value / size).toPrecision(3)} ${unit}`;
  return `${value}`;
}

const DAY = 86_400;
const YEAR = 365 * DAY;

function duration(seconds: number | null): string {
  if (seconds === null) return '-';
  if (seconds >= 2 * YEAR) return `${Math.round(seconds / YEAR)} years`;
  if (seconds >= 2 * DAY) return `${Math.round(seconds / DAY)} days`;
  if (seconds < 0.01) return '< 0.01 s';
  if (seconds < 10) return `${seconds.toPrecision(2)} s`;
  return formatDuration(1000 * seconds);
}
