import { parseBudget } from '../../search/index.js';
import { demo } from '../../workflow/demo.js';
import type { DemoFlags } from '../commands/demo.js';
import { interruptible } from '../interrupt.js';
import { startProgress } from '../progress.js';
import { printOutcome, showSearch } from './search-output.js';

export async function runDemo({ out, budget, seed, workers, json }: DemoFlags): Promise<void> {
  const progress = startProgress('search');
  const comparison = startProgress('compare');
  const outcome = await interruptible((signal) =>
    demo({
      out,
      budget: parseBudget(budget),
      seed,
      ...(workers !== undefined && { workers }),
      command: `npx longrope demo --budget ${budget} --seed ${seed}`,
      onSearch: showSearch(progress),
      onEvaluate: (done, total, detail) => comparison.update(done, total, detail),
      signal,
    }),
  ).finally(() => progress.finish());
  printOutcome(outcome, json === true);
}
