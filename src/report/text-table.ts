/** One cell: plain text and how to show it when colour is allowed. */
export interface Cell {
  readonly text: string;
  readonly style?: 'bold' | 'dim';
}

const ESCAPES = { bold: '\u001b[1m', dim: '\u001b[2m', reset: '\u001b[0m' } as const;

/** Control characters in a file name or a method name must not reach the terminal, where they could move the cursor. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\uFFFD');
}

/**
 * Columns padded to their widest cell, the first left-aligned, all others right-aligned (they hold figures), two spaces
 * between them, no trailing spaces.
 */
export function textTable(rows: readonly (readonly Cell[])[], options: { readonly colour: boolean }): string {
  const texts = rows.map((row) => row.map((cell) => printable(cell.text)));
  const widths: number[] = [];
  for (const row of texts) {
    row.forEach((text, column) => {
      widths[column] = Math.max(widths[column] ?? 0, width(text));
    });
  }
  return rows
    .map((row, r) => {
      const line = row.map((cell, column) => {
        const text = texts[r]![column]!;
        const padding = ' '.repeat(widths[column]! - width(text));
        const painted =
          options.colour && cell.style !== undefined ? `${ESCAPES[cell.style]}${text}${ESCAPES.reset}` : text;
        return column === 0 ? painted + padding : padding + painted;
      });
      return line.join('  ').trimEnd();
    })
    .join('\n');
}

function width(text: string): number {
  return [...text].length;
}
