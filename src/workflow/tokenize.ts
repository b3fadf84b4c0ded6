import { checkDatasetTarget, writeDataset } from '../corpus/arrow/write.js';
import { findTextInputs, type TextInput } from '../corpus/readers/text-inputs.js';
import { type TokenizeProgress, tokenizeDocuments } from '../corpus/tokenize-documents.js';
import { openTokenizer } from '../corpus/tokenizer/open-tokenizer.js';
import type { TokenDocument } from '../corpus/types.js';
import { type Problem, UserError } from '../errors.js';

export interface TokenizeCommandOptions {
  readonly inputs: readonly string[];
  /** Model folder, tokenizer.json or GGUF file. */
  readonly tokenizer: string;
  readonly out: string;
  readonly textField?: string;
  /** Documents with fewer tokens are left out. */
  readonly minTokens?: number;
  readonly skipCharacters?: number;
  readonly onProgress?: (progress: TokenizeProgress) => void;
  readonly signal?: AbortSignal;
}

export interface TokenizeCommandResult {
  readonly out: string;
  readonly tokenizer: { readonly path: string; readonly hash: string; readonly vocabularySize: number };
  readonly documents: number;
  readonly tokens: number;
  readonly shortest: number;
  readonly longest: number;
  /** Documents with fewer than `minTokens` tokens. */
  readonly leftOut: readonly { readonly id: string; readonly tokens: number }[];
  /** Files of a folder that are of no known kind. */
  readonly skippedFiles: readonly string[];
  readonly inputBytes: number;
  readonly seconds: number;
}

/** `longrope tokenize`: texts to a data set that Python `datasets.load_from_disk` reads. */
export async function tokenizeCommand(options: TokenizeCommandOptions): Promise<TokenizeCommandResult> {
  const started = performance.now();
  await checkDatasetTarget(options.out);
  const tokenizer = await openTokenizer(options.tokenizer);
  const found = await Promise.all(options.inputs.map(findTextInputs));
  const inputs = found.flatMap(({ inputs }) => inputs);
  checkDistinct(inputs);
  const { textField, skipCharacters, onProgress } = options;
  const documents = tokenizeDocuments(inputs, tokenizer, {
    ...(textField === undefined ? {} : { textField }),
    ...(skipCharacters === undefined ? {} : { skipCharacters }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
  const selection = new LengthFilter(options.minTokens ?? 0, options.signal);
  const written = await writeDataset(options.out, selection.apply(documents), { tokenizerHash: tokenizer.hash });
  return {
    out: options.out,
    tokenizer: { path: options.tokenizer, hash: tokenizer.hash, vocabularySize: tokenizer.vocabularySize },
    ...written,
    shortest: selection.shortest,
    longest: selection.longest,
    leftOut: selection.leftOut,
    skippedFiles: found.flatMap(({ skipped }) => skipped),
    inputBytes: inputs.reduce((sum, { bytes }) => sum + bytes, 0),
    seconds: (performance.now() - started) / 1000,
  };
}

class LengthFilter {
  readonly leftOut: { id: string; tokens: number }[] = [];
  shortest = Number.POSITIVE_INFINITY;
  longest = 0;

  constructor(
    private readonly minTokens: number,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async *apply(documents: AsyncIterable<TokenDocument>): AsyncGenerator<TokenDocument> {
    for await (const document of documents) {
      this.signal?.throwIfAborted();
      const tokens = document.ids.length;
      if (tokens < this.minTokens) this.leftOut.push({ id: document.id, tokens });
      else {
        this.shortest = Math.min(this.shortest, tokens);
        this.longest = Math.max(this.longest, tokens);
        yield document;
      }
    }
    if (this.longest > 0) return;
    // Thrown here, before the data set gets its name: an empty one is of no use to anybody.
    throw new UserError('input', {
      where: '--min-tokens',
      expected: `a document of at least ${this.minTokens} tokens`,
      found:
        this.leftOut
          .map(({ id, tokens }) => `${id} with ${tokens}`)
          .slice(0, 10)
          .join(', ') || 'no documents',
    });
  }
}

/** Documents are told apart by name in every result. */
function checkDistinct(inputs: readonly TextInput[]): void {
  const files = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { id, file } of inputs) {
    const other = files.get(id);
    if (other !== undefined)
      problems.push({
        where: file,
        expected: 'inputs with different names',
        found: `${id}, which is also the name of ${other}`,
        fix: 'give the folder above both instead',
      });
    files.set(id, file);
  }
  if (problems.length > 0) throw new UserError('input', problems);
}
