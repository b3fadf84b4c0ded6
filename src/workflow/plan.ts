import { UserError } from '../errors.js';
import type { DecoderSpec } from '../model/types.js';
import {
  cacheBytes,
  cacheBytesPerToken,
  chooseGpu,
  countParameters,
  doublings,
  FORWARD_PASSES,
  forwardFlops,
  type Gpu,
  type GpuWish,
  gpuSeconds,
  gpusFor,
  LARGEST_RATIO,
  longrope2Tuning,
  longropeSettings,
  type OriginalLength,
  originalLength,
  type ParameterCount,
  recommendStages,
  SHARD_HAZARD,
  type Speed,
  type Stage,
  sequenceSeconds,
  servingBytes,
  type ToolSettings,
  TRAINING_PASSES,
  totalFlops,
  trainingActivationBytes,
  trainingStateBytes,
  type WorkCost,
  workCost,
  yarnSettings,
} from '../plan/index.js';
import { undifferentiable } from '../runtime/index.js';
import { evaluationMemory } from '../runtime/memory.js';
import { trainingMemory } from '../training/memory.js';
import { calibrate } from './calibrate.js';
import { readPlanInput } from './plan-input.js';

export interface PlanJob {
  /** Model folder, .gguf file or config.json. */
  readonly model: string;
  /** tokens */
  readonly target: number;
  /** Overrules what the model says. */
  readonly original?: number;
  /** Documents per length of an evaluation. */
  readonly documents: number;
  readonly calibrate: boolean;
  readonly gpu: GpuWish;
  readonly signal?: AbortSignal;
}

/** Costs of one sequence. */
export interface LengthCost {
  readonly length: number;
  readonly flops: number;
  /** Share of `flops` that attention takes. */
  readonly attentionShare: number;
  /** float16 */
  readonly cacheBytes: number;
  /** One evaluation on this machine, weights included. */
  readonly machineBytes: number;
  readonly machineSeconds: number | null;
  /** `finetune` on this machine: AdamW, one row of this length at a time. */
  readonly machineTrainingBytes: number;
  readonly gpuBytes: number;
  readonly gpuSeconds: number;
  /** Full fine-tuning at this length; the fewest GPUs over which it can be spread. */
  readonly trainingBytes: number;
  readonly trainingGpus: number;
}

export interface StageCost extends Stage, WorkCost {}

export interface Plan {
  readonly model: string;
  readonly file: string;
  readonly architecture: string;
  readonly original: OriginalLength;
  readonly maximum: number;
  readonly target: number;
  readonly ratio: number;
  readonly parameters: ParameterCount;
  readonly cacheBytesPerToken: number;
  readonly gpu: Gpu;
  readonly machine: (Speed & { readonly calibrationSeconds: number }) | null;
  readonly lengths: readonly LengthCost[];
  readonly stages: readonly StageCost[];
  /** LongRoPE2's way of fine-tuning, for comparison; null where none is needed. */
  readonly mixedWindow: StageCost | null;
  readonly yarn: readonly ToolSettings[];
  readonly longrope: readonly ToolSettings[];
  readonly notes: readonly string[];
}

/**
 * What an extension to `target` tokens means and costs, before anything runs but a calibration of seconds. Throws
 * `UserError('input')` for a target that is no extension.
 */
export async function planModel(job: PlanJob): Promise<Plan> {
  const gpu = chooseGpu(job.gpu);
  const { file, source, spec, model, notes } = await readPlanInput(job.model);
  const original = originalLength(source, job.original);
  const { target } = job;
  if (target <= original.value)
    throw new UserError('input', {
      where: '--target',
      expected: `a length above the original one, ${original.value} (${original.from})`,
      found: `${target}`,
      fix: 'nothing has to be extended up to it',
    });
  const { documents, signal } = job;
  const calibration =
    job.calibrate && model !== null ? await calibrate(model, { target, documents, ...(signal && { signal }) }) : null;
  const costs = new Costs(spec, gpu, calibration?.speed ?? null);
  const ratio = target / original.value;
  const isOwnLength = original.value === spec.rope.originalLength;
  const stages = recommendStages(original.value, target, {
    ...{ model: job.model, documents },
    hasGradients: undifferentiable(spec).length === 0,
    hasCommands: isOwnLength,
  });
  const isTuned = stages.some(({ kind }) => kind === 'fine-tune');
  const request = {
    ...{ model: job.model, architecture: spec.architecture, geometry: spec.rope.geometry },
    localGeometry: spec.localRope?.geometry ?? null,
    ...{ original: original.value, target },
  };
  return {
    model: job.model,
    file,
    architecture: spec.architecture,
    original,
    maximum: spec.rope.maxPositionEmbeddings,
    target,
    ratio,
    parameters: countParameters(spec),
    cacheBytesPerToken: cacheBytesPerToken(spec),
    gpu,
    machine: calibration?.speed ? { ...calibration.speed, calibrationSeconds: calibration.seconds } : null,
    lengths: doublings(original.value, target).map((length) => costs.ofLength(length)),
    stages: stages.map((stage) => costs.ofStage(stage)),
    mixedWindow: isTuned ? costs.ofStage(mixedWindow(target)) : null,
    yarn: yarnSettings(request),
    longrope: longropeSettings(request),
    notes: [
      ...original.notes,
      ...notes,
      ...(isOwnLength
        ? []
        : [
            `no commands: search and evaluate take ${spec.rope.originalLength} tokens for the original length, as the model says; they follow once its config says ${original.value} (max_position_embeddings, or original_max_position_embeddings of its block)`,
          ]),
      ...(calibration?.notes ?? []),
      ...(spec.rope.maxPositionEmbeddings >= target
        ? [
            `the config already claims ${spec.rope.maxPositionEmbeddings} tokens (RoPE ${spec.rope.scaling.type}): evaluate it first with --rope model`,
          ]
        : []),
      ...(ratio > LARGEST_RATIO
        ? [`no result beyond ${LARGEST_RATIO} times the original length has been published`]
        : []),
      ...(isTuned
        ? [
            SHARD_HAZARD,
            'the steps are for GPUs with axolotl, LLaMA-Factory or the like (export training); finetune trains small models on this CPU',
          ]
        : []),
      NARROW_RAMP,
    ],
  };
}

/** docs/rope.md has the figures. */
const NARROW_RAMP =
  'YaRN without a search did better with beta_fast 2 and beta_slow 0.5 (half-turn) on three models of four: evaluate perplexity --rope yarn@1 --rope half-turn tells for yours';

function mixedWindow(target: number): Stage {
  const source = 'LongRoPE2: 2,250 steps of 32 windows, short documents on short factors';
  return { kind: 'fine-tune', title: `mixed-window fine-tuning at ${target}`, work: [longrope2Tuning(target)], source };
}

class Costs {
  constructor(
    private readonly spec: DecoderSpec,
    private readonly gpu: Gpu,
    private readonly speed: Speed | null,
  ) {}

  ofLength(length: number): LengthCost {
    const { spec, gpu, speed } = this;
    const each = forwardFlops(spec, length);
    const flops = totalFlops(each);
    const { shared, perWorker } = evaluationMemory(spec, [], length);
    const row = { optimizer: 'adamw', tokens: length, longest: length, batchesPerStep: 1, evalLength: 0 } as const;
    const trainingBytes = trainingStateBytes(spec) + trainingActivationBytes(spec, length);
    return {
      length,
      flops,
      attentionShare: each.attention / flops,
      cacheBytes: cacheBytes(spec, length),
      machineBytes: 4 * countParameters(spec).total + shared + perWorker,
      machineSeconds: speed && sequenceSeconds(speed, each),
      machineTrainingBytes: trainingMemory(spec, row),
      gpuBytes: servingBytes(spec, length),
      gpuSeconds: gpuSeconds(gpu, flops),
      trainingBytes,
      trainingGpus: gpusFor(gpu, trainingBytes),
    };
  }

  ofStage(stage: Stage): StageCost {
    const { spec: shape, gpu, speed } = this;
    const passes = stage.kind === 'fine-tune' ? TRAINING_PASSES : FORWARD_PASSES;
    return { ...stage, ...workCost(stage.work, passes, { shape, gpu, speed }) };
  }
}
