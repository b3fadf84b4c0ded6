import { CHARACTER_BYTES } from './byte-alphabet.js';
import { compilePattern } from './pattern.js';
import type { DecoderStep } from './schema.js';

type TokensMap = (tokens: readonly string[]) => readonly string[];

/** The decoder of a tokenizer.json: token strings to text. Bytes that are not UTF-8 become U+FFFD. */
export function buildDecoder(steps: readonly DecoderStep[]): (tokens: readonly string[]) => string {
  if (steps.length === 0) return (tokens) => tokens.join(' ');
  const maps = steps.map(buildStep);
  return (tokens) => maps.reduce((current, map) => map(current), tokens).join('');
}

function buildStep(step: DecoderStep): TokensMap {
  switch (step.type) {
    case 'ByteLevel':
      return (tokens) => [Buffer.concat(tokens.map(bytesOfToken)).toString('utf8')];
    case 'ByteFallback':
      return joinFallbackBytes;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Replace': {
      const pattern = compilePattern(step.pattern);
      return (tokens) => tokens.map((token) => token.replace(pattern, () => step.content));
    }
    case 'Strip':
      return (tokens) => tokens.map((token) => strip(token, step.content, step.start, step.stop));
    case 'Metaspace': {
      const drop = step.prepend_scheme !== 'never' && step.add_prefix_space !== false;
      return (tokens) =>
        tokens.map((token, i) => {
          const text = token.replaceAll(step.replacement, ' ');
          return i === 0 && drop && text.startsWith(' ') ? text.slice(1) : text;
        });
    }
  }
}

/** A token outside the byte alphabet (an added one) stands for its own text. */
function bytesOfToken(token: string): Buffer {
  const bytes = [...token].map((char) => CHARACTER_BYTES.get(char));
  return bytes.includes(undefined) ? Buffer.from(token, 'utf8') : Buffer.from(bytes as number[]);
}

const FALLBACK_BYTE = /^<0x([0-9A-F]{2})>$/i;

/** Runs of `<0x..>` tokens become text, or one U+FFFD per byte when the run is not UTF-8. */
function joinFallbackBytes(tokens: readonly string[]): readonly string[] {
  const out: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    const buffer = Buffer.from(bytes);
    const text = buffer.toString('utf8');
    if (Buffer.from(text, 'utf8').equals(buffer)) out.push(text);
    else for (const _ of bytes) out.push('\ufffd');
    bytes = [];
  };
  for (const token of tokens) {
    const byte = FALLBACK_BYTE.exec(token)?.[1];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      out.push(token);
    }
  }
  flush();
  return out;
}

function strip(token: string, content: string, start: number, stop: number): string {
  let from = 0;
  let to = token.length;
  for (let i = 0; i < start && token.startsWith(content, from) && from < to; i++) from += content.length;
  for (let i = 0; i < stop && to > from && token.slice(from, to).endsWith(content); i++) to -= content.length;
  return token.slice(from, to);
}
