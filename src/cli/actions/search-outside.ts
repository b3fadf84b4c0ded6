import type { Option } from 'commander';
import { UserError } from '../../errors.js';
import { openCommandObjective } from '../../search/index.js';
import { searchOutside } from '../../workflow/search-outside.js';
import type { SearchFlags } from '../commands/search.js';
import { interruptible } from '../interrupt.js';
import { searchSettings } from './search.js';
import { printNotice, printOutcome, withSearchProgress } from './search-output.js';

/** What the command decides by itself: its texts, and what it runs on. */
const FOREIGN: readonly (keyof SearchFlags)[] = [
  'text',
  'heldOut',
  'samples',
  'heldOutSamples',
  'skipCharacters',
  'textField',
  'tokenizer',
  'length',
  'lengthWeights',
  'objective',
  'needleDepths',
  'judge',
  'shortLimit',
  'device',
  'threads',
];

/** `given`: the options on the command line. */
export async function runOutsideSearchCommand(
  model: string,
  flags: SearchFlags,
  given: readonly Option[],
): Promise<void> {
  refuseForeign(given);
  if (flags.curriculum !== undefined)
    throw new UserError('usage', {
      where: '--curriculum',
      expected: 'a search on --text',
      found: 'one by --objective-command',
      fix: 'search the shorter targets one by one, each from the factors of the one before (--start)',
    });
  const settings = await searchSettings(flags);
  const outcome = await interruptible((signal) =>
    withSearchProgress(({ onSearch }) =>
      searchOutside({
        model,
        open: (problem) =>
          openCommandObjective({
            command: flags.objectiveCommand as string,
            problem,
            onStderr: (line) => process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[2K' : ''}objective: ${line}\n`),
            ...(flags.workers !== undefined && { workers: flags.workers }),
            ...(flags.objectiveTimeout !== undefined && { timeoutSeconds: flags.objectiveTimeout }),
            signal,
          }),
        ...settings,
        ...(onSearch && { onSearch }),
        onNotice: printNotice,
        signal,
      }),
    ),
  );
  printOutcome(outcome, flags.json === true);
}

function refuseForeign(given: readonly Option[]): void {
  const foreign = given.filter((option) => FOREIGN.includes(option.attributeName() as keyof SearchFlags));
  if (foreign.length === 0) return;
  throw new UserError('usage', {
    where: '--objective-command',
    expected: 'a command that has its texts and its engine itself',
    found: foreign.map(({ long }) => long).join(', '),
    fix: 'give them to the command, in its own words',
  });
}
