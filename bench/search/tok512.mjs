// The tokenizer of stories260K, llama2.c's: characters, or their bytes, merged pair by pair, the piece with the best score first.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** A `Tokenizer` of the library, made from tok512.bin. */
export async function openTok512(file) {
  const bytes = await readFile(file);
  const [pieces, scores] = [new Map(), []];
  for (let at = 4, id = 0; at < bytes.length; id++) {
    scores.push(bytes.readFloatLE(at));
    const length = bytes.readInt32LE(at + 4);
    pieces.set(bytes.toString('utf8', at + 8, at + 8 + length), id);
    at += 8 + length;
  }
  const names = [...pieces.keys()];
  const encodeWord = (word) => {
    const ids = [...word].flatMap(
      (character) => pieces.get(character) ?? [...Buffer.from(character)].map((byte) => byte + 3),
    );
    for (;;) {
      let [best, at] = [-1, -1];
      for (let i = 0; i + 1 < ids.length; i++) {
        const merged = pieces.get(names[ids[i]] + names[ids[i + 1]]);
        if (merged !== undefined && (at < 0 || scores[merged] > scores[best])) [best, at] = [merged, i];
      }
      if (at < 0) return ids;
      ids.splice(at, 2, best);
    }
  };
  const tokenizer = {
    // No piece has a blank but in front, so words can be merged one by one.
    encode: (text) => Int32Array.from((` ${text}`.match(/ [^ ]*/g) ?? []).flatMap(encodeWord)),
    decode: (ids) => Array.from(ids, (id) => names[id]).join(''),
    vocabularySize: scores.length,
    bosTokenId: 1,
    addsBos: true,
    eosTokenId: 2,
    hash: createHash('sha256').update(bytes).digest('hex'),
  };
  // The first tokens of llama2.c's own example.
  const known = [403, 407, 261, 378, 432, 383, 286, 261, 376];
  const given = [...tokenizer.encode('Once upon a time, there was a little girl')].slice(0, known.length);
  if (given.join() !== known.join()) throw new Error(`tok512: ${given} instead of ${known}`);
  return tokenizer;
}
