import { wilcoxonGreater } from '../../evaluation/index.js';
import type { Json } from '../types.js';

/** Below it no test can tell a gain from chance: five of five are 1 in 32. */
const LEAST_PAIRS = 5;

/**
 * Whether a descent still gains. Steps see documents in turn, so each loss is paired with the loss on the same documents one round
 * before; in between the descent moved along other documents. So no evaluation is spent on it.
 */
export class PairedGains {
  private readonly last = new Map<string, number>();
  private gains: number[] = [];

  see(documents: readonly number[], loss: number): void {
    const key = documents.join();
    const before = this.last.get(key);
    if (before !== undefined) this.gains.push(before - loss);
    this.last.set(key, loss);
  }

  /** One-sided Wilcoxon test that the gains since the last call are above 0: its p-value, or null where there are too few. */
  takePValue(): number | null {
    const { gains } = this;
    if (gains.length < LEAST_PAIRS) return null;
    this.gains = [];
    return wilcoxonGreater(gains);
  }

  state(): Json {
    return { last: [...this.last], gains: this.gains };
  }
}
