/** Names of HF Trainer's `lr_scheduler_type`; as there, `constant` has no warm-up. */
export const SCHEDULES = ['linear', 'cosine', 'constant', 'constant_with_warmup'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

export interface Schedule {
  readonly name: ScheduleName;
  readonly learningRate: number;
  /** Steps in which the rate rises from 0 to `learningRate`. */
  readonly warmupSteps: number;
  /** Where linear and cosine decay reach 0. */
  readonly maxSteps: number;
}

/** A warm-up below 1 is a share of all steps; from 1 on transformers cuts off what is no whole step. */
export function warmupStepsOf(warmup: number, maxSteps: number): number {
  return warmup < 1 ? Math.ceil(maxSteps * warmup) : Math.trunc(warmup);
}

/**
 * The learning rate of step 0, 1, ... as transformers' `get_linear_schedule_with_warmup`, `get_cosine_schedule_with_warmup` and
 * `get_constant_schedule_with_warmup` give it: the first step of a warm-up has rate 0.
 */
export function learningRateAt(step: number, { name, learningRate, warmupSteps, maxSteps }: Schedule): number {
  if (name === 'constant') return learningRate;
  if (step < warmupSteps) return (learningRate * step) / warmupSteps;
  const decaying = Math.max(1, maxSteps - warmupSteps);
  switch (name) {
    case 'constant_with_warmup':
      return learningRate;
    case 'linear':
      return learningRate * Math.max(0, (maxSteps - step) / decaying);
    case 'cosine':
      return learningRate * Math.max(0, 0.5 * (1 + Math.cos((Math.PI * (step - warmupSteps)) / decaying)));
  }
}
