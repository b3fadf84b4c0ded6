/** Code points, since vocabularies hold characters outside the basic plane. */
const lengthOf = (text: string) => [...text].length;

/**
 * The merges a SentencePiece vocabulary implies: every way to cut a token into two tokens, best score first. Ties keep
 * the order of the vocabulary, and within a token that of the ids of its parts; longer parts come first, as in
 * transformers (`generate_merges`).
 */
export function mergesFromScores(
  tokens: readonly string[],
  scores: readonly number[],
  vocabulary: ReadonlyMap<string, number>,
): [string, string][] {
  const merges: { left: string; right: string; score: number; lengths: readonly [number, number] }[] = [];
  for (const [id, token] of tokens.entries()) {
    const cuts: { left: string; right: string; ids: readonly [number, number] }[] = [];
    for (let at = 1; at < token.length; at++) {
      const left = token.slice(0, at);
      const right = token.slice(at);
      const ids = [vocabulary.get(left), vocabulary.get(right)] as const;
      if (ids[0] !== undefined && ids[1] !== undefined) cuts.push({ left, right, ids: [ids[0], ids[1]] });
    }
    cuts.sort((a, b) => a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]);
    const score = scores[id] ?? 0;
    for (const { left, right } of cuts) merges.push({ left, right, score, lengths: [lengthOf(left), lengthOf(right)] });
  }
  // Array.prototype.sort is stable, like Python's with reverse=True.
  merges.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return merges.map(({ left, right }) => [left, right]);
}
