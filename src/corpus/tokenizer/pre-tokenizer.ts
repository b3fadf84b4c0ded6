import { classSource, digits } from './code-point-set.js';
import { translatePattern } from './oniguruma.js';
import { compilePattern } from './pattern.js';
import type { PreTokenizerStep } from './schema.js';
import { type SplitBehavior, splitText } from './split.js';

/** Receives a piece and whether it begins at the very start of the document. */
export type EmitPiece = (piece: string, atStart: boolean) => void;
export type PreTokenizer = (text: string, atStart: boolean, emit: EmitPiece) => void;

/** GPT-2's pattern, built into the ByteLevel step. */
const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The pre-tokenizer of a tokenizer.json as one function. ByteLevel only cuts here; the model spells the bytes. */
export function buildPreTokenizer(steps: readonly PreTokenizerStep[]): PreTokenizer {
  return steps.map(buildStep).reduceRight<PreTokenizer>(
    (later, step) => (text, atStart, emit) => step(text, atStart, (piece, start) => later(piece, start, emit)),
    (text, atStart, emit) => emit(text, atStart),
  );
}

function buildStep(step: PreTokenizerStep): PreTokenizer {
  switch (step.type) {
    case 'ByteLevel': {
      const pattern = step.use_regex ? translatePattern(GPT2_PATTERN) : null;
      return (text, atStart, emit) => {
        const prefixed = step.add_prefix_space && !text.startsWith(' ') ? ` ${text}` : text;
        if (pattern === null) emit(prefixed, atStart);
        else cut(prefixed, pattern, 'Isolated', false, atStart, emit);
      };
    }
    case 'Digits': {
      const pattern = new RegExp(`[${classSource(digits())}]`, 'gu');
      const behavior = step.individual_digits ? 'Isolated' : 'Contiguous';
      return (text, atStart, emit) => cut(text, pattern, behavior, false, atStart, emit);
    }
    case 'Split': {
      const pattern = compilePattern(step.pattern);
      return (text, atStart, emit) => cut(text, pattern, step.behavior, step.invert, atStart, emit);
    }
    case 'Metaspace':
      return buildMetaspace(step);
  }
}

function buildMetaspace(step: Extract<PreTokenizerStep, { type: 'Metaspace' }>): PreTokenizer {
  const mark = step.replacement;
  const scheme = step.prepend_scheme ?? (step.add_prefix_space === false ? 'never' : 'always');
  const pattern = compilePattern({ String: mark });
  return (text, atStart, emit) => {
    const marked = text.replaceAll(' ', mark);
    const prepend = (scheme === 'always' || (scheme === 'first' && atStart)) && !marked.startsWith(mark);
    const whole = prepend ? mark + marked : marked;
    if (step.split) cut(whole, pattern, 'MergedWithNext', false, atStart, emit);
    else emit(whole, atStart);
  };
}

function cut(
  text: string,
  pattern: RegExp,
  behavior: SplitBehavior,
  invert: boolean,
  atStart: boolean,
  emit: EmitPiece,
): void {
  splitText(text, pattern, behavior, invert, (start, end) => emit(text.slice(start, end), atStart && start === 0));
}
