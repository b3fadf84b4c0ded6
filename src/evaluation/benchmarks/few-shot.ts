import { PythonRandom } from './python-random.js';
import type { BenchmarkTask } from './question.js';

/** Seed of lm-evaluation-harness's few-shot sampler, unless told otherwise; each task starts anew with it. */
export const DEFAULT_SEED = 1234;

/** For each question of a task, which examples of the pool stand before it, in order. */
export function drawExamples(
  task: Pick<BenchmarkTask, 'questions' | 'pool' | 'shots' | 'shotRule'>,
  seed: number,
): readonly (readonly number[])[] {
  const { shots, pool } = task;
  if (shots === 0) return task.questions.map(() => []);
  if (task.shotRule === 'first') {
    const first = Array.from({ length: shots }, (_, index) => index);
    return task.questions.map(() => first);
  }
  const random = new PythonRandom(seed);
  return task.questions.map(() => random.sample(pool.length, shots + spareExamples(task)).slice(0, shots));
}

/** Examples a pool must hold beyond the number of shots. */
export function spareExamples({ shotRule }: Pick<BenchmarkTask, 'shotRule'>): number {
  return shotRule === 'random-one-spare' ? 1 : 0;
}
