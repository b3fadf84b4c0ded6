import { readFile } from 'node:fs/promises';
import { openTokenizer } from '../../corpus/index.js';
import { UserError } from '../../errors.js';
import { fileError } from '../../run/index.js';
import { parseBudget, parseObjective, parseRacing, type WeightedLength } from '../../search/index.js';
import { readTokensOf } from '../../workflow/read-tokens.js';
import { searchByCurriculum } from '../../workflow/search-curriculum.js';
import type { SearchSettings } from '../../workflow/search-run.js';
import { readTexts } from '../../workflow/texts.js';
import type { SearchFlags } from '../commands/search.js';
import { interruptible } from '../interrupt.js';
import { commandLine } from './command-line.js';
import { printNotice, printOutcome, withSearchProgress } from './search-output.js';

/** As the paper and the released scripts. */
const DEFAULT_DOCUMENTS = 5;

export async function runSearchCommand(model: string, flags: SearchFlags): Promise<void> {
  const { text, heldOut: heldOutText = [] } = flags;
  if (text === undefined) throw noTexts();
  if (flags.objectiveTimeout !== undefined)
    throw new UserError('usage', {
      where: '--objective-timeout',
      expected: '--objective-command, which is to answer within it',
      found: 'none',
    });
  if (flags.heldOutSamples !== undefined && heldOutText.length === 0)
    throw new UserError('usage', {
      where: '--held-out-samples',
      expected: '--held-out, texts to hold out',
      found: 'none',
    });
  const settings = await searchSettings(flags);
  const objective = flags.objective === undefined ? undefined : parseObjective(flags.objective);
  const tokenizer = await openTokenizer(flags.tokenizer ?? model);
  const lengths = weightedLengths(flags);
  const ofText = (length: number) => length - (tokenizer.bosTokenId === null ? 0 : 1);
  const common = { textField: flags.textField, skipCharacters: flags.skipCharacters };
  const found = await readTexts(text, tokenizer, {
    ...common,
    minTokens: ofText(
      await readTokensOf(model, lengths?.map(({ length }) => length) ?? [flags.target], flags.shortLimit),
    ),
    ...(flags.samples !== undefined && { samples: flags.samples }),
  });
  const documents = found.slice(0, flags.samples ?? DEFAULT_DOCUMENTS);
  const heldOut =
    heldOutText.length === 0
      ? []
      : await readTexts(heldOutText, tokenizer, {
          ...common,
          minTokens: ofText(flags.target),
          ...(flags.heldOutSamples !== undefined && { samples: flags.heldOutSamples }),
        });
  const outcome = await interruptible((signal) =>
    withSearchProgress((callbacks) =>
      searchByCurriculum(
        {
          modelPath: model,
          tokenizer,
          ...(flags.tokenizer !== undefined && { tokenizerPath: flags.tokenizer }),
          documents,
          heldOut,
          textName: [...text, ...heldOutText].join(', '),
          ...(lengths !== undefined && { lengths }),
          ...(objective !== undefined && { objective }),
          ...(flags.needleDepths !== undefined && { needleDepths: flags.needleDepths }),
          ...(flags.judge !== undefined && { judge: flags.judge }),
          ...(flags.shortLimit !== undefined && { shortLimit: flags.shortLimit }),
          ...settings,
          device: flags.device,
          ...(flags.workers !== undefined && { workers: flags.workers }),
          ...(flags.threads !== undefined && { threads: flags.threads }),
          ...callbacks,
          onNotice: printNotice,
          signal,
        },
        flags.curriculum,
      ),
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

function noTexts(): UserError {
  return new UserError('usage', {
    where: 'search',
    expected: '--text with texts to search on, or --objective-command with a program that scores factors',
    found: 'neither',
  });
}

/** What every search is told, whoever computes its losses. */
export async function searchSettings(flags: SearchFlags): Promise<SearchSettings> {
  const { racing } = flags;
  return {
    targetLength: flags.target,
    ...(flags.startTokens !== undefined && { startTokens: flags.startTokens }),
    ...(flags.over !== undefined && { over: flags.over }),
    ...(flags.start !== undefined && { starts: flags.start }),
    ...(flags.maxFactor !== undefined && { maxFactor: flags.maxFactor }),
    ...(flags.pull !== undefined && { pull: flags.pull }),
    budget: parseBudget(flags.budget),
    ...(racing !== undefined && { racing: parseRacing(racing === true ? '' : racing) }),
    algorithm: flags.algorithm,
    hyperparameters: await readHyperparameters(flags.hyperParams),
    seed: flags.seed,
    out: flags.out,
    command: commandLine(),
  };
}

/** Parsed, or undefined: the defaults. */
async function readHyperparameters(path: string | undefined): Promise<unknown> {
  if (path === undefined) return undefined;
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new UserError('input', { where: path, expected: 'JSON', found: error.message });
    throw fileError(path, 'a hyper-parameter file', error);
  }
}
