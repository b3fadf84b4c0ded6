import { readFile } from 'node:fs/promises';
import { openTokenizer } from '../../corpus/index.js';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import { parseBudget } from '../../search/index.js';
import { searchModel } from '../../workflow/search-model.js';
import { readTexts } from '../../workflow/texts.js';
import type { SearchFlags } from '../commands/search.js';
import { interruptible } from '../interrupt.js';
import { commandLine } from './command-line.js';
import { printOutcome, withSearchProgress } from './search-output.js';

/** As the paper and the released scripts. */
const DEFAULT_DOCUMENTS = 5;

export async function runSearchCommand(model: string, flags: SearchFlags): Promise<void> {
  const budget = parseBudget(flags.budget);
  const hyperparameters = flags.hyperParams === undefined ? undefined : await readJson(flags.hyperParams);
  const tokenizer = await openTokenizer(flags.tokenizer ?? model);
  const minTokens = flags.target - (tokenizer.bosTokenId === null ? 0 : 1);
  const common = { textField: flags.textField, skipCharacters: flags.skipCharacters, minTokens };
  const found = await readTexts(flags.text, tokenizer, {
    ...common,
    ...(flags.samples !== undefined && { samples: flags.samples }),
  });
  const documents = found.slice(0, flags.samples ?? DEFAULT_DOCUMENTS);
  const heldOut =
    flags.heldOut.length === 0
      ? []
      : await readTexts(flags.heldOut, tokenizer, {
          ...common,
          ...(flags.heldOutSamples !== undefined && { samples: flags.heldOutSamples }),
        });
  const outcome = await interruptible((signal) =>
    withSearchProgress((callbacks) =>
      searchModel({
        modelPath: model,
        tokenizer,
        documents,
        heldOut,
        textName: [...flags.text, ...flags.heldOut].join(', '),
        targetLength: flags.target,
        algorithm: flags.algorithm,
        hyperparameters,
        budget,
        seed: flags.seed,
        out: flags.out,
        command: commandLine(),
        device: flags.device,
        ...(flags.workers !== undefined && { workers: flags.workers }),
        ...(flags.threads !== undefined && { threads: flags.threads }),
        ...callbacks,
        signal,
      }),
    ),
  );
  printOutcome(outcome, flags.json === true);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UserError('input', { where: path, expected: 'JSON', found: error.message });
    throw fileError(path, 'a hyper-parameter file', error);
  }
}
