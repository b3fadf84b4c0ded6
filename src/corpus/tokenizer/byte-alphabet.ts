/** GPT-2's printable stand-ins for the 256 bytes: itself where printable, otherwise the next character from U+0100 on. */
function buildAlphabet(): readonly string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let shifted = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : shifted++));
}

/** Stand-in character of each byte. */
export const BYTE_CHARACTERS: readonly string[] = buildAlphabet();

/** Byte of each stand-in character. */
export const CHARACTER_BYTES: ReadonlyMap<string, number> = new Map(BYTE_CHARACTERS.map((char, byte) => [char, byte]));

/** The UTF-8 bytes of a text, written in the alphabet. */
export function spellBytes(text: string): string {
  let out = '';
  for (const byte of Buffer.from(text, 'utf8')) out += BYTE_CHARACTERS[byte];
  return out;
}
