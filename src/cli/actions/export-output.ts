import type { HfExport } from '../../workflow/export-hf.js';
import type { ExportedRope } from '../../workflow/export-rope.js';

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

/** An exported folder, file by file. */
export function describeFolder({
  out,
  rope,
  files,
  notes,
}: Pick<HfExport, 'out' | 'rope' | 'files' | 'notes'>): string {
  const lines = files.map(({ name, bytes, how }) => `  ${name}  ${formatBytes(bytes)}, ${how}`);
  return `${[`${out}: ${printRope(rope)}`, ...lines, ...notes.map((note) => `note: ${note}`)].join('\n')}\n`;
}
