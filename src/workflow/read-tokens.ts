import { loadModel } from '../model/index.js';

/** Tokens that a search reads of a document: those of its longest length, and what a limit at the original length reads. */
export function readTokens(lengths: readonly number[], limitedAt: number | null): number {
  return Math.max(...lengths, ...(limitedAt === null ? [] : [limitedAt]));
}

/** The same for a model that is known by its path alone. */
export async function readTokensOf(
  modelPath: string,
  lengths: readonly number[],
  shortLimit: number | undefined,
): Promise<number> {
  const limitedAt = shortLimit === undefined ? null : (await loadModel(modelPath)).spec.rope.originalLength;
  return readTokens(lengths, limitedAt);
}
