import { classSource, normalizationActive } from './code-point-set.js';
import { compilePattern } from './pattern.js';
import type { NormalizerStep } from './schema.js';

export type TextMap = (text: string) => string;

/** The normaliser of a tokenizer.json as one function. */
export function buildNormalizer(steps: readonly NormalizerStep[]): TextMap {
  const maps = steps.map(buildStep);
  return (text) => maps.reduce((current, map) => map(current), text);
}

function buildStep(step: NormalizerStep): TextMap {
  switch (step.type) {
    case 'NFC':
      return buildNfc();
    case 'Prepend':
      return (text) => (text === '' ? text : step.prepend + text);
    case 'Replace': {
      const pattern = compilePattern(step.pattern);
      return (text) => text.replace(pattern, () => step.content);
    }
  }
}

/**
 * NFC as of Unicode 9, which is what the Rust package has: characters that got their decomposition or combining class
 * later stay as they are. A stretch of characters that can change starts at most one character before U+0300 early.
 */
function buildNfc(): TextMap {
  const active = classSource(normalizationActive());
  const stretch = new RegExp(`[\\0-\\u{2ff}]?[${active}]+`, 'gu');
  return (text) => text.replace(stretch, (part) => part.normalize('NFC'));
}
