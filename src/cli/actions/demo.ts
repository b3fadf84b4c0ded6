import { parseBudget } from '../../search/index.js';
import { demo } from '../../workflow/demo.js';
import type { DemoFlags } from '../commands/demo.js';
import { interruptible } from '../interrupt.js';
import { printOutcome, withSearchProgress } from './search-output.js';

export async function runDemo({ out, budget, seed, device, workers, json }: DemoFlags): Promise<void> {
  const outcome = await interruptible((signal) =>
    withSearchProgress((callbacks) =>
      demo({
        out,
        budget: parseBudget(budget),
        seed,
        device,
        ...(workers !== undefined && { workers }),
        command: `npx longrope demo --budget ${budget} --seed ${seed}${device === 'cpu' ? '' : ` --device ${device}`}`,
        ...callbacks,
        signal,
      }),
    ),
  );
  printOutcome(outcome, json === true);
}
