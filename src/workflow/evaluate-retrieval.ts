import { MAX_NEEDLES, needleTask, type PasskeyProtocol, passkeyTask } from '../corpus/index.js';
import { UserError } from '../errors.js';
import {
  type RecordOf,
  type RetrievalScoring,
  type RetrievalTrial,
  type SwitchPolicy,
  scoreTrial,
} from '../evaluation/index.js';
import { type EvaluationTarget, type OpenEvaluation, withEvaluation } from './evaluation-job.js';
import { openHaystack } from './haystacks.js';
import { defaultLengths } from './lengths.js';
import { type AnsweredBatch, answerPlan, howGenerated, promptTokenizer, type SyntheticPlan } from './synthetic-rows.js';
import { writeEvaluation } from './write-evaluation.js';

interface RetrievalSettings {
  /** Default: the original length and its doublings up to the model's maximum. */
  readonly lengths?: readonly number[];
  readonly seed: number;
  readonly policy: SwitchPolicy;
  /** Put BOS in front of prompts, if the tokenizer has one. */
  readonly bos: boolean;
  readonly trials: number;
}

export interface PasskeySettings extends RetrievalSettings {
  readonly protocol: PasskeyProtocol;
}

export interface NeedleGrid extends RetrievalSettings {
  /** 0 to 1. */
  readonly depths: readonly number[];
  readonly needles: number;
  /** `sentences`, `moby-dick` or a path. */
  readonly haystack: string;
}

/** `evaluate passkey`, from paths to its record. */
export function evaluatePasskey(target: EvaluationTarget, settings: PasskeySettings): Promise<RecordOf<'passkey'>> {
  const { protocol, trials } = settings;
  return withEvaluation(target, async (evaluation) => {
    const { haystack } = await openHaystack('sentences', evaluation.tokenizer, true);
    const plan = { tasks: [passkeyTask(protocol)], haystack, ...common(evaluation, settings) };
    const text = {
      paper: `a five-digit key between repeated sentences at a uniform place, ${trials} trials per length, prompt and answer together exactly the length; right if the first number of the answer's first line is the key`,
      released: `as evaluation/passkey.py of the released code: a key of 1 to 50000 at a uniform character, text of 3.65 characters per token of the length, ${trials} trials per length, 10 tokens of answer; right if the first number is the key`,
    }[protocol];
    return retrieve(target, evaluation, plan, {
      kind: 'passkey',
      scoring: protocol,
      identity: { protocol },
      inputs: [],
      protocol: `passkey, ${protocol}: ${text}; ${howGenerated(plan)}`,
    });
  });
}

/** `evaluate needle`, from paths to its record. */
export async function evaluateNeedle(target: EvaluationTarget, settings: NeedleGrid): Promise<RecordOf<'needle'>> {
  const { depths, needles, trials } = settings;
  if (needles > MAX_NEEDLES)
    throw new UserError('usage', { where: '--needles', expected: `at most ${MAX_NEEDLES}`, found: `${needles}` });
  return withEvaluation(target, async (evaluation) => {
    const { haystack, input } = await openHaystack(
      settings.haystack,
      evaluation.tokenizer,
      settings.haystack === 'sentences',
    );
    const plan = {
      tasks: depths.map((depth) => needleTask({ depth, needles })),
      haystack,
      ...common(evaluation, settings),
    };
    return retrieve(target, evaluation, plan, {
      kind: 'needle',
      scoring: 'needle',
      identity: { depths: [...depths], needles, haystack: input?.sha256 ?? haystack.name },
      inputs: input === null ? [] : [input],
      protocol: `needle: ${needles === 1 ? 'one sentence' : `${needles} sentences`} with a city and a seven-digit number in ${haystack.name}, depths ${depths.map((depth) => `${Number((100 * depth).toFixed(4))} %`).join(', ')}, ${trials} trials per depth and length, prompt and answer together exactly the length; right if ${needles === 1 ? 'the number is' : 'all numbers are'} in the answer; ${howGenerated(plan)}`,
    });
  });
}

function common(evaluation: OpenEvaluation, { lengths, seed, policy, trials, bos }: RetrievalSettings) {
  return {
    tokenizer: promptTokenizer(evaluation, bos),
    lengths: lengths ?? defaultLengths(evaluation.model.spec.rope),
    seed,
    policy,
    trials,
  };
}

interface Retrieval<Kind> {
  readonly kind: Kind;
  readonly scoring: RetrievalScoring;
  readonly identity: OpenEvaluation['identity'];
  readonly inputs: RecordOf<'passkey'>['inputs'];
  readonly protocol: string;
}

async function retrieve<Kind extends 'passkey' | 'needle'>(
  target: EvaluationTarget,
  evaluation: OpenEvaluation,
  plan: SyntheticPlan,
  { kind, scoring, identity, inputs, protocol }: Retrieval<Kind>,
) {
  const { seed, trials, policy, tokenizer } = plan;
  const lengths = [...plan.lengths];
  const manifest = {
    ...evaluation.identity,
    ...identity,
    kind,
    lengths,
    seed,
    trials,
    policy,
    bos: tokenizer.bosTokenId,
  };
  const recordOf = (batches: readonly AnsweredBatch[]) => ({
    ...evaluation.header,
    kind,
    inputs: [...inputs],
    protocol,
    notes: notesOf(batches, plan),
    results: resultsOf(batches, scoring),
  });
  const folder = target.out === undefined ? null : { path: target.out, manifest };
  return recordOf(
    await answerPlan(plan, evaluation, target, folder, async (batches, file) =>
      writeEvaluation(file, recordOf(batches) as RecordOf<'passkey' | 'needle'>),
    ),
  );
}

/** Lengths that prompts miss, which only the released protocol does. */
function notesOf(batches: readonly AnsweredBatch[], { lengths, tasks }: SyntheticPlan): string[] {
  return lengths.flatMap((length) => {
    const reserved = tasks[0]?.answerTokens(length) ?? 0;
    const tokens = batches
      .filter((batch) => batch.length === length)
      .flatMap(({ rows }) => rows.map(({ promptTokens }) => promptTokens + reserved));
    const [fewest, most] = [Math.min(...tokens), Math.max(...tokens)];
    if (fewest === length && most === length) return [];
    return [`At ${length} prompt and answer have ${fewest === most ? most : `${fewest} to ${most}`} tokens.`];
  });
}

/** One result per method and length. */
function resultsOf(batches: readonly AnsweredBatch[], scoring: RetrievalScoring) {
  const results: { method: string; length: number; trials: RetrievalTrial[] }[] = [];
  for (const { method, length, rows } of batches) {
    const trials = rows.map((row) => scoreTrial(row, scoring));
    const last = results.at(-1);
    if (last?.method === method.name && last.length === length) last.trials.push(...trials);
    else results.push({ method: method.name, length, trials });
  }
  return results;
}
