import { hasTokenizer, openTokenizer, type Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import { parseRopeMethod, type RopeMethod } from '../evaluation/index.js';
import { hashModel, loadModel, type Model } from '../model/index.js';
import { type Engine, openEngine } from '../runtime/index.js';
import type { EvaluationTarget, OpenEvaluation } from './evaluation-job.js';

/** What marks the key tokens of `evaluate longppl`. */
export interface Judge {
  readonly name: string;
  readonly method: RopeMethod;
  readonly sha256: string;
  open(): Promise<Engine>;
}

export interface JudgeSettings {
  /** Another model that marks the key tokens; default the model itself. */
  readonly judge?: string;
  /** RoPE of the judge; default the first method. */
  readonly judgeMethod?: string;
  readonly lengths: readonly number[];
}

/** The judge, its weights not yet loaded. Throws `UserError` where its tokens would be others than the model's. */
export async function openJudge(
  evaluation: OpenEvaluation,
  { device, workers, threads, tokenizer: given }: EvaluationTarget,
  { judge, judgeMethod, lengths }: JudgeSettings,
): Promise<Judge> {
  const { methods, model, header } = evaluation;
  const judging = judge === undefined ? model : await loadModel(judge);
  if (judge !== undefined)
    await checkJudgeTokenizer(judge, judging, { tokenizer: evaluation.tokenizer, of: header.tokenizer.path, given });
  const method =
    judgeMethod === undefined
      ? judge === undefined
        ? (methods[0] as RopeMethod)
        : await parseRopeMethod('model', judging.spec.rope)
      : await parseRopeMethod(judgeMethod, judging.spec.rope);
  return {
    name: `${judge ?? 'the model itself'}, ${method.name}`,
    method,
    sha256: judge === undefined ? header.model.sha256 : await hashModel(judging),
    open: () =>
      openEngine(judging, {
        maxLength: Math.max(...lengths),
        ...(device !== undefined && { device }),
        ...(workers !== undefined && { workers }),
        ...(threads !== undefined && { threads }),
      }),
  };
}

/**
 * Model and judge read the same tokens, so the judge's tokenizer has to be the one in use. A folder without any is taken at
 * the user's word, who gave `--tokenizer` for both; its vocabulary must then hold every token.
 */
export async function checkJudgeTokenizer(
  path: string,
  judge: Model,
  { tokenizer, of, given }: { readonly tokenizer: Tokenizer; readonly of: string; readonly given?: string | undefined },
): Promise<void> {
  const where = `--judge ${path}`;
  if (given !== undefined && !(await hasTokenizer(path))) {
    const { vocabularySize } = judge.spec;
    if (vocabularySize >= tokenizer.vocabularySize) return;
    throw new UserError('input', {
      where,
      expected: `a vocabulary of at least ${tokenizer.vocabularySize}, that of --tokenizer ${given}`,
      found: `${vocabularySize}`,
    });
  }
  if ((await openTokenizer(path)).hash !== tokenizer.hash)
    throw new UserError('input', {
      where,
      expected: `the tokenizer of the model (${of})`,
      found: 'another one, to whose tokens key tokens cannot be carried over',
      ...(given !== undefined && { fix: "give the judge's tokenizer as --tokenizer if the model has the same" }),
    });
}
