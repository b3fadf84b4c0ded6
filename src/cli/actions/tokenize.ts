import { tokenizeCommand } from '../../workflow/tokenize.js';
import type { TokenizeFlags } from '../commands/tokenize.js';
import { interruptible, STARTS_AGAIN } from '../interrupt.js';
import { startProgress } from '../progress.js';

export async function runTokenize(inputs: readonly string[], flags: TokenizeFlags): Promise<void> {
  const progress = startProgress('tokenize');
  const { json, minTokens, ...rest } = flags;
  const result = await interruptible(
    (signal) =>
      tokenizeCommand({
        inputs,
        ...rest,
        ...(minTokens !== undefined && { minTokens }),
        onProgress: ({ bytes, totalBytes }) => progress.update(bytes, totalBytes),
        signal,
      }),
    STARTS_AGAIN,
  ).finally(() => progress.finish());
  if (json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const { documents, tokens, shortest, longest, leftOut, skippedFiles, out } = result;
  process.stdout.write(`${documents} documents, ${tokens} tokens (${shortest} to ${longest} each) in ${out}\n`);
  if (leftOut.length > 0) process.stdout.write(`left out as too short: ${leftOut.map(({ id }) => id).join(', ')}\n`);
  if (skippedFiles.length > 0) process.stdout.write(`not texts: ${skippedFiles.join(', ')}\n`);
}
