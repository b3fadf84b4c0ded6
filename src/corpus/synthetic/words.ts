import type { Draws } from './draws.js';

const ADJECTIVES =
  'amber ancient angry bitter bold brave brief bright broken calm careful cheap clean clever cold cruel curious damp dark deep distant dull eager early easy empty faint fair false famous fancy fierce final firm flat fresh gentle golden grand grave gray green happy hard heavy hidden hollow honest hungry icy idle jolly keen kind large lazy light little lonely loud loyal lucky mellow mild modern narrow neat noble odd old pale plain polite proud quick quiet rare rough round royal rusty safe secret sharp shy silent silver simple slow small smooth soft solid sour steady stiff strange sweet swift tall tame thin tidy tiny tough vast warm wet wide wild wise young'.split(
    ' ',
  );
const NOUNS =
  'acorn anchor anvil apple apron arrow badge bakery barn basket beacon bell bench blanket boat bottle bridge broom bucket button cabin candle canyon carpet castle cellar chain chair chimney clock cloud coat compass copper corner cradle cup curtain desk door drum engine farm feather fence field flag flute forest fork garden gate glove hammer harbor hat hill island jacket jar kettle key kitchen kite ladder lamp lantern letter magnet map market meadow mill mirror mountain needle oar orchard oven paddle pencil pepper piano pillow plough pocket quilt rabbit ribbon river road rope saddle sail shell shovel spoon stable table tent tower train tunnel valley violin wagon wheel window'.split(
    ' ',
  );

/** Places that needles speak of. */
export const CITIES =
  'Athens Berlin Boston Cairo Calcutta Chicago Copenhagen Denver Dublin Florence Geneva Glasgow Hamburg Havana Helsinki Istanbul Jakarta Kyoto Lagos Lima Lisbon London Madrid Manila Marseille Melbourne Milan Montreal Moscow Mumbai Nairobi Naples Osaka Oslo Paris Prague Quebec Riga Rome Santiago Seoul Seville Sofia Stockholm Sydney Tallinn Tokyo Toronto Tunis Venice Vienna Warsaw Zagreb Zurich'.split(
    ' ',
  );

/** 'quiet-harbor' */
export function wordPair(draws: Draws): string {
  return `${draws.pick(ADJECTIVES)}-${draws.pick(NOUNS)}`;
}

/** A number of so many digits, not beginning with 0. */
export function digits(draws: Draws, count: number): string {
  return String(draws.between(10 ** (count - 1), 10 ** count - 1));
}

/** A version 4 UUID. */
export function uuid(draws: Draws): string {
  const hex = Array.from({ length: 32 }, () => draws.integer(16).toString(16));
  hex[12] = '4';
  hex[16] = '89ab'[draws.integer(4)] as string;
  const text = hex.join('');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
}

export function letters(draws: Draws, count: number, alphabet: string): string {
  return Array.from({ length: count }, () => alphabet[draws.integer(alphabet.length)]).join('');
}

/** Words of 4 to 8 small letters in a text, each once, in alphabetical order. */
export function commonVocabulary(sentences: readonly string[]): string[] {
  const words = new Set<string>();
  for (const sentence of sentences)
    for (const [word] of sentence.matchAll(/(?<![\p{L}'’-])[a-z]{4,8}(?![\p{L}'’-])/gu)) words.add(word);
  return [...words].sort();
}
