import type { TokenDocument, Tokenizer } from '../corpus/index.js';
import type { Model } from '../model/index.js';
import type { FinetuneJob } from './finetune.js';
import type { ResolvedFinetune } from './finetune-settings.js';
import { readTexts } from './texts.js';
import { checkTokens, checkVocabulary } from './vocabulary.js';

/** Documents to train on and to hold out, and what stands around those to train on: what hand-offs to other trainers put there. */
export async function finetuneTexts(
  job: Pick<FinetuneJob, 'texts' | 'heldOut' | 'textField' | 'heldOutTextField' | 'tokenizer' | 'signal'>,
  { evalLengths }: Pick<ResolvedFinetune, 'evalLengths'>,
  { spec }: Model,
  tokenizer: Tokenizer,
): Promise<{
  readonly documents: readonly TokenDocument[];
  readonly heldOut: readonly TokenDocument[];
  readonly bos: number | null;
  readonly eos: number | null;
}> {
  if (job.tokenizer !== undefined) checkVocabulary(job.tokenizer, tokenizer, spec);
  const { textField, heldOutTextField = textField } = job;
  const keepsBos = !tokenizer.addsBos;
  const heard = job.signal === undefined ? {} : { signal: job.signal };
  const minTokens = Math.max(...evalLengths) - (tokenizer.bosTokenId === null ? 0 : 1);
  const documents = await readTexts(job.texts, tokenizer, { textField, keepsBos, ...heard });
  const heldOut =
    job.heldOut.length === 0
      ? []
      : await readTexts(job.heldOut, tokenizer, { textField: heldOutTextField, minTokens, ...heard });
  checkTokens([...documents, ...heldOut], [tokenizer.bosTokenId, tokenizer.eosTokenId], spec);
  return {
    documents,
    heldOut,
    bos: tokenizer.addsBos ? tokenizer.bosTokenId : null,
    eos: tokenizer.eosTokenId,
  };
}
