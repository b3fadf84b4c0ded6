import type { Tokenizer } from '../../src/corpus/index.js';

const TEXT = `<s>It was a dark  night; 12,345 stars\n\n\tabc ${'ab'.repeat(40)} Gruß, 世界 🌍<|endoftext|> <unk>\u0000 end</s>`;

/** A tokenizer that was accepted gives ids of its vocabulary for any text, and texts for them. */
export function tokenizerWorks(tokenizer: Tokenizer): void {
  for (const text of [TEXT, '', ' ']) {
    const ids = tokenizer.encode(text);
    if (!ids.every((id) => id >= 0 && id < tokenizer.vocabularySize))
      throw new Error(`ids outside the vocabulary: ${ids}`);
    if (typeof tokenizer.decode(ids) !== 'string') throw new Error('a decoded text that is no text');
  }
}
