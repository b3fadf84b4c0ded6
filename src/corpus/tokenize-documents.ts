import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadOptions } from './readers/options.js';
import { readTextInputs } from './readers/read-text-documents.js';
import type { TextInput } from './readers/text-inputs.js';
import type { TokenDocument, Tokenizer } from './types.js';

export interface TokenizeProgress {
  readonly documents: number;
  readonly tokens: number;
  /** Of the input files, as they lie on disk. */
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface TokenizeOptions extends Omit<ReadOptions, 'onRead'> {
  readonly onProgress?: (progress: TokenizeProgress) => void;
  readonly signal?: AbortSignal;
}

/** Token ids of every document of the inputs, one document in memory at a time. An abort is heard between two. */
export async function* tokenizeDocuments(
  inputs: readonly TextInput[],
  tokenizer: Tokenizer,
  { onProgress, signal, ...options }: TokenizeOptions,
): AsyncGenerator<TokenDocument> {
  const totalBytes = inputs.reduce((sum, { bytes }) => sum + bytes, 0);
  const done = { documents: 0, tokens: 0, bytes: 0 };
  const onRead = (bytes: number) => {
    done.bytes += bytes;
  };
  for await (const { id, text } of readTextInputs(inputs, { ...options, onRead })) {
    if (signal !== undefined) {
      // Encoding blocks the thread: an interrupt is heard here.
      await nextTurn();
      signal.throwIfAborted();
    }
    const ids = tokenizer.encode(text);
    done.documents++;
    done.tokens += ids.length;
    onProgress?.({ ...done, totalBytes });
    yield { id, ids };
  }
}
