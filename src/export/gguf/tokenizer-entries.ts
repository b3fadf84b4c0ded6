import { tokenizerFile } from '../../corpus/index.js';
import { UserError } from '../../errors.js';
import { openGguf, readGgufEntries } from '../../model/checkpoint/gguf.js';
import { isGguf } from '../../model/checkpoint/gguf-names.js';
import type { Model } from '../../model/types.js';
import { addEntries, type Entries } from './entries.js';
import { tokenizerKeys } from './tokenizer.js';

/**
 * The entries that say the tokenizer: of `given`, as `openTokenizer` takes it, or of the model's own folder. Throws `UserError` for
 * what llama.cpp would split differently, or could not look up in the embedding.
 */
export async function tokenizerEntries(
  { path, spec, config }: Pick<Model, 'path' | 'spec' | 'config'>,
  given?: string,
): Promise<Entries> {
  const entries: Entries = new Map();
  const file = given === undefined ? path : await tokenizerFile(given);
  if (given === undefined || !isGguf(file)) {
    addEntries(entries, 'tokenizer.', await tokenizerKeys(file, spec.vocabularySize, config));
    return entries;
  }
  // Its list is as long as the embedding of its own model.
  const tokens = (await openGguf(file)).metadata.get('tokenizer.ggml.tokens');
  const found = Array.isArray(tokens) ? tokens.length : 0;
  if (found !== spec.vocabularySize)
    throw new UserError('unsupported', {
      where: file,
      expected: `${spec.vocabularySize} tokens, the rows of the embedding, as llama.cpp asks of a file`,
      found: `${found}`,
      fix: 'give the tokenizer as a folder or a tokenizer.json, which is filled up',
    });
  for (const [key, bytes] of await readGgufEntries(file)) if (key.startsWith('tokenizer.')) entries.set(key, bytes);
  return entries;
}
