import { type Problem, UserError } from '../errors.js';
import { type DecoderSpec, decoderTensors, type Model, shortestWindow } from '../model/index.js';
import { FINETUNE_DEFAULTS } from '../training/index.js';
import type { FinetuneSettings } from './finetune-settings.js';
import { loraProblems } from './lora-settings.js';

/**
 * Throws one `UserError` with everything that does not fit together or not to this model, trained in rows of `rowTokens` with a RoPE
 * for `reach` tokens. `evaluates`: on held-out texts. `model` null: nothing but its shape is known.
 */
export function refuseContradictions(
  settings: FinetuneSettings,
  { spec, model }: { readonly spec: DecoderSpec; readonly model: Model | null },
  { reach, rowTokens, evaluates }: { readonly reach: number; readonly rowTokens: number; readonly evaluates: boolean },
): void {
  const { positionSkipping: window = rowTokens, evalLengths = [] } = settings;
  const problems: Problem[] = [];
  if (model?.checkpoint.format === 'gguf')
    problems.push({
      where: model.path,
      expected: 'a Hugging Face folder',
      found: 'a GGUF file',
      fix: `longrope export hf ${model.path} --rope model --out FOLDER, then train that`,
    });
  const tooLong = (where: string, length: number) =>
    problems.push({ where, expected: `at most ${reach} tokens, which the RoPE is for`, found: `${length}` });
  if (rowTokens > reach) tooLong('--max-seq-length', rowTokens);
  if (window > Math.max(reach, rowTokens)) tooLong('--position-skipping', window);
  for (const length of evalLengths) if (length > reach) tooLong('--eval-length', length);
  if (window < rowTokens)
    problems.push({
      where: '--position-skipping',
      expected: `at least the ${rowTokens} tokens of --max-seq-length`,
      found: `${window}`,
    });
  const sight = shortestWindow(spec);
  if (settings.positionSkipping !== undefined && sight < window)
    problems.push({
      where: '--position-skipping',
      expected: `at most the ${sight} tokens that every layer of this model sees back`,
      found: `${window}`,
      fix: 'train on rows of the full length: in a row that skips, these layers would see what lies out of their sight when the model is used',
    });
  if (!evaluates)
    for (const [where, value] of Object.entries({
      '--eval-steps': settings.evalSteps,
      '--eval-length': settings.evalLengths,
    }))
      if (value !== undefined) problems.push({ where, expected: '--held-out, texts to evaluate on', found: 'none' });
  if (settings.countSkipped && settings.positionSkipping === undefined)
    problems.push({
      where: '--count-skipped',
      expected: '--position-skipping, which skips something',
      found: 'no --position-skipping',
    });
  if (settings.warmupSteps !== undefined && settings.warmupRatio !== undefined)
    problems.push({ where: '--warmup-ratio', expected: 'one of --warmup-steps and --warmup-ratio', found: 'both' });
  if (settings.lrSchedulerType === 'constant' && (settings.warmupSteps ?? settings.warmupRatio ?? 0) > 0)
    problems.push({
      where: '--lr-scheduler-type constant',
      expected: 'no warm-up, as in HF Trainer',
      found: 'a warm-up',
      fix: 'use constant_with_warmup',
    });
  if (settings.optim !== 'muon' && settings.muonMomentum !== FINETUNE_DEFAULTS.muonMomentum)
    problems.push({ where: '--muon-momentum', expected: '--optim muon', found: `--optim ${settings.optim}` });
  problems.push(...loraProblems(settings, decoderTensors(spec)));
  if (problems.length > 0) throw new UserError('usage', problems);
}
