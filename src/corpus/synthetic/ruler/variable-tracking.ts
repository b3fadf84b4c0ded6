import { Draws, nameKey } from '../draws.js';
import { fitPrompt } from '../fit-prompt.js';
import { FILLER, inserted } from '../haystack.js';
import type { SyntheticTask } from '../row.js';
import { digits, letters } from '../words.js';

const NAME = 'vt';
const HOPS = 4;
const LETTERS = 5;
const EXAMPLE_LETTERS = 3;
const CAPITALS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** RULER keeps 30 free, which a tokenizer that spells names out exceeds: five names of five letters with a blank each. */
const ANSWER_TOKENS = 40;

/** Blocks of noise in the solved example before the question: RULER's has about 500 tokens. No room for it below 1024. */
function exampleNoise(length: number): number | null {
  if (length >= 4096) return 12;
  return length >= 1024 ? 2 : null;
}

/** RULER's variable tracking: one chain of five assignments in noise; all five names are asked for. */
export const variableTracking: SyntheticTask = {
  name: NAME,
  answerTokens: () => ANSWER_TOKENS,
  row({ tokenizer, length, seed, trial }) {
    const draws = new Draws([seed, nameKey(NAME), length, trial]);
    const chain = drawChain(draws, LETTERS);
    const noise = exampleNoise(length);
    const example = noise === null ? '' : solved(drawChain(draws, EXAMPLE_LETTERS), noise);
    const { ids } = fitPrompt(tokenizer, length, ANSWER_TOKENS, {
      render: (units, pad) => example + question(chain, units, pad),
      minUnits: 0,
      maxUnits: Number.POSITIVE_INFINITY,
      padding: (units) => Array.from({ length: units }, () => FILLER).join(' '),
    });
    return { id: `${trial}`, promptIds: ids, answerTokens: ANSWER_TOKENS, expected: chain.names, depth: 0 };
  },
};

interface Chain {
  readonly names: readonly string[];
  readonly value: string;
  /** Where its statements stand in the noise, 0 to 1, ascending. */
  readonly places: readonly number[];
}

function drawChain(draws: Draws, count: number): Chain {
  return {
    names: draws.distinct(HOPS + 1, () => letters(draws, count, CAPITALS)),
    value: digits(draws, 5),
    places: Array.from({ length: HOPS + 1 }, () => draws.uniform()).sort((a, b) => a - b),
  };
}

function question({ names, value, places }: Chain, noise: number, pad: string): string {
  const statements = names.map((name, i) => `VAR ${name} = ${i === 0 ? value : `VAR ${names[i - 1]}`}`);
  const texts = statements.map((text, i) => ({ text, place: Math.floor((places[i] as number) * (noise + 1)) }));
  const hidden = inserted(
    Array.from({ length: noise }, () => FILLER),
    texts,
  );
  return (
    'Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n' +
    `${[...(pad === '' ? [] : [pad]), ...hidden].join('\n')}\n` +
    `Question: Find all variables that are assigned the value ${value} in the text above. ` +
    'Answer: According to the chain(s) of variable assignment in the text above, ' +
    `${HOPS + 1} variables are assigned the value ${value}, they are:`
  );
}

function solved(chain: Chain, noise: number): string {
  return `${question(chain, noise, '')} ${chain.names.join(' ')}\n\n`;
}
