import { readFile } from 'node:fs/promises';
import { openTokenizer } from '../../corpus/index.js';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import { parseBudget, parseObjective, parseRacing, type WeightedLength } from '../../search/index.js';
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
  const objective = flags.objective === undefined ? undefined : parseObjective(flags.objective);
  const hyperparameters = flags.hyperParams === undefined ? undefined : await readJson(flags.hyperParams);
  const racing = flags.racing === undefined ? undefined : parseRacing(flags.racing === true ? '' : flags.racing);
  const tokenizer = await openTokenizer(flags.tokenizer ?? model);
  const lengths = weightedLengths(flags);
  const ofText = (length: number) => length - (tokenizer.bosTokenId === null ? 0 : 1);
  const common = { textField: flags.textField, skipCharacters: flags.skipCharacters };
  const found = await readTexts(flags.text, tokenizer, {
    ...common,
    minTokens: ofText(Math.max(...(lengths?.map(({ length }) => length) ?? [flags.target]))),
    ...(flags.samples !== undefined && { samples: flags.samples }),
  });
  const documents = found.slice(0, flags.samples ?? DEFAULT_DOCUMENTS);
  const heldOut =
    flags.heldOut.length === 0
      ? []
      : await readTexts(flags.heldOut, tokenizer, {
          ...common,
          minTokens: ofText(flags.target),
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
        ...(lengths !== undefined && { lengths }),
        ...(objective !== undefined && { objective }),
        ...(flags.needleDepths !== undefined && { needleDepths: flags.needleDepths }),
        ...(flags.judge !== undefined && { judge: flags.judge }),
        ...(flags.shortLimit !== undefined && { shortLimit: flags.shortLimit }),
        ...(flags.startTokens !== undefined && { startTokens: flags.startTokens }),
        ...(flags.over !== undefined && { over: flags.over }),
        ...(flags.start !== undefined && { starts: flags.start }),
        ...(flags.maxFactor !== undefined && { maxFactor: flags.maxFactor }),
        ...(flags.pull !== undefined && { pull: flags.pull }),
        ...(racing !== undefined && { racing }),
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
        onNotice: (notice) => process.stderr.write(`note: ${notice}\n`),
        signal,
      }),
    ),
  );
  printOutcome(outcome, flags.json === true);
}

function weightedLengths({ length, lengthWeights }: SearchFlags): WeightedLength[] | undefined {
  if (lengthWeights !== undefined && lengthWeights.length !== length?.length)
    throw new UserError('usage', {
      where: '--length-weights',
      expected: `one weight for each of the ${length?.length ?? 0} lengths of --length`,
      found: `${lengthWeights.length}`,
    });
  return length?.map((tokens, i) => ({ length: tokens, weight: lengthWeights?.[i] ?? 1 }));
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
