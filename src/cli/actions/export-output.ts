import type { ExportedRope } from '../../workflow/export-rope.js';

/** An export starts over; it has nothing to resume. */
export const EXPORT_INTERRUPT = { notice: 'stopping; nothing is left half-written', fix: 'start the command again' };

export function printRope(rope: ExportedRope | null): string {
  if (rope === null) return "the model's own RoPE";
  const { source, originalLength, targetLength, attentionFactor } = rope;
  return `longrope from ${source}, ${originalLength} to ${targetLength} tokens, attention factor ${Number(attentionFactor.toPrecision(6))}`;
}

export function formatBytes(bytes: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const)
    if (bytes >= size) return `${(bytes / size).toFixed(2)} ${unit}`;
  return `${bytes} B`;
}
