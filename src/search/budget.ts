import { UserError } from '../errors.js';

/**
 * What a search may spend. `documents`: evaluations of one candidate on one document. `tokens`: scored tokens of these.
 * `seconds`: time in which it runs, over all sessions.
 */
export interface Budget {
  readonly unit: 'documents' | 'tokens' | 'seconds';
  readonly amount: number;
}

const UNITS: Readonly<Record<string, { readonly unit: Budget['unit']; readonly scale: number }>> = {
  documents: { unit: 'documents', scale: 1 },
  evaluations: { unit: 'documents', scale: 1 },
  evals: { unit: 'documents', scale: 1 },
  tokens: { unit: 'tokens', scale: 1 },
  ktokens: { unit: 'tokens', scale: 1e3 },
  mtokens: { unit: 'tokens', scale: 1e6 },
  gtokens: { unit: 'tokens', scale: 1e9 },
  s: { unit: 'seconds', scale: 1 },
  min: { unit: 'seconds', scale: 60 },
  h: { unit: 'seconds', scale: 3600 },
};

/** Reads `700evals`, `350documents`, `2e6tokens`, `2Mtokens`, `1800s`, `30min`, `2h`. Throws `UserError('usage')`. */
export function parseBudget(text: string): Budget {
  const match = /^\s*(\d+(?:\.\d+)?(?:e\+?\d+)?)\s*([a-z]+)\s*$/i.exec(text.replaceAll('_', ''));
  const unit = UNITS[match?.[2]?.toLowerCase() ?? ''];
  // 4.1 * 1e6 is 4099999.9999999995.
  const amount = Number((Number(match?.[1]) * (unit?.scale ?? Number.NaN)).toPrecision(15));
  const whole = unit?.unit === 'seconds' || Number.isSafeInteger(amount);
  if (unit === undefined || !(amount > 0) || !Number.isFinite(amount) || !whole) {
    throw new UserError('usage', {
      where: 'budget',
      expected:
        'a number above 0 with its unit, such as 700evals, 350documents, 2e6tokens, 2Mtokens, 1800s, 30min or 2h',
      found: JSON.stringify(text),
      fix: 'an evaluation is one candidate on one document',
    });
  }
  return { unit: unit.unit, amount };
}

/** What has been spent, in every unit. */
export interface Spending {
  documents: number;
  tokens: number;
  seconds: number;
}
