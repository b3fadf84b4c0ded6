import { compareWithIntent, type Intent } from '../export/engines/index.js';
import type { Model } from '../model/index.js';
import { rescaledRope } from '../rope/index.js';
import { type ExportRopeOptions, exportTable } from './export-rope.js';

/** What `rope` means for this model, by our own reading of the factors; null: just what the file says. */
export async function requiredIntent(rope: ExportRopeOptions, model: Model, own: Intent): Promise<Intent | null> {
  const { geometry } = model.spec.rope;
  const table = await exportTable(rope, model.spec.rope);
  if (table === null) return null;
  const { short, long, attentionFactor, originalLength, targetLength } = table;
  return {
    ...own,
    originalLength,
    maximumLength: targetLength,
    startTokens: 0,
    at: (length) =>
      rescaledRope(geometry, { factors: length > originalLength ? long : short, attentionFactor, startTokens: 0 }),
  };
}

/** Whether a file means what it has to: both lengths, and the table at some. */
export function saysTheSame(own: Intent, required: Intent, lengths: readonly number[]): boolean {
  return (
    own.originalLength === required.originalLength &&
    own.maximumLength === required.maximumLength &&
    lengths.every((length) => isExact(own, required, length))
  );
}

function isExact(own: Intent, intent: Intent, length: number): boolean {
  const { inverseFrequency, attentionFactor } = own.at(length);
  const built = {
    ...{ outcome: 'built' as const, table: 'single' as const, inverseFrequency, attentionFactor },
    localInverseFrequency: own.local?.inverseFrequency,
  };
  return (
    compareWithIntent({ ...built, effectiveContext: own.maximumLength, dropped: [], notes: [] }, intent, length)
      .verdict === 'exact'
  );
}
