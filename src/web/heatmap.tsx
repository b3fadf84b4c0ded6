import { useRef, useState } from 'preact/hooks';
import type { RetrievalPanel } from '../report/evaluation-panels.js';
import { formatCount, formatPoints } from '../report/format.js';
import { LengthHeads, Scroll } from './tables.js';

interface Place {
  readonly row: number;
  readonly column: number;
}

/** What is read of a cell, and where: pixels from the corner of the heatmap. */
interface Reading {
  readonly title: string;
  readonly value: string;
  readonly x: number;
  readonly y: number;
  /** The tooltip grows to the left. */
  readonly left: boolean;
}

/**
 * Right answers by depth and length. Every cell says its count, so nothing depends on its colour. A grid with one tab stop:
 * arrow keys, Home and End move the focus, and the focused cell is read like the one under the mouse.
 */
export function Heatmap({ panel, series }: { panel: RetrievalPanel; series: RetrievalPanel['series'][number] }) {
  const frame = useRef<HTMLDivElement>(null);
  const [stop, setStop] = useState<Place>({ row: 0, column: 0 });
  const [reading, setReading] = useState<Reading | null>(null);
  const { depths, lengths } = panel;

  const describe = ({ row, column }: Place) => {
    const length = lengths[column]!;
    const cell = series.cells.find((entry) => entry.length === length && entry.depth === row);
    const title = `depth ${depths[row]}, ${formatCount(length)} tokens`;
    if (cell === undefined) return { cell, title, value: 'not measured' };
    const { hits, trials } = cell;
    return { cell, title, value: `${hits} of ${trials} right, ${formatPoints((100 * hits) / trials)}%` };
  };
  const read = (place: Place, element: HTMLElement) => {
    const outer = frame.current!.getBoundingClientRect();
    const inner = element.getBoundingClientRect();
    const left = inner.left - outer.left > outer.width / 2;
    const x = left ? outer.right - inner.right : inner.left - outer.left;
    setReading({ ...describe(place), x: Math.max(0, x), y: inner.bottom - outer.top + 6, left });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') setReading(null);
    const [lastRow, lastColumn] = [depths.length - 1, lengths.length - 1];
    const { row, column } = stop;
    const target = {
      ArrowRight: { row, column: column + 1 },
      ArrowLeft: { row, column: column - 1 },
      ArrowDown: { row: row + 1, column },
      ArrowUp: { row: row - 1, column },
      PageDown: { row: lastRow, column },
      PageUp: { row: 0, column },
      Home: { row: event.ctrlKey ? 0 : row, column: 0 },
      End: { row: event.ctrlKey ? lastRow : row, column: lastColumn },
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const next = {
      row: Math.max(0, Math.min(lastRow, target.row)),
      column: Math.max(0, Math.min(lastColumn, target.column)),
    };
    frame.current!.querySelector<HTMLElement>(`[data-cell="${next.row} ${next.column}"]`)?.focus();
  };

  const label = `${panel.title}, ${series.name}: right answers by depth and length`;
  return (
    <div ref={frame} class="heatmap-frame">
      <Scroll label={label}>
        {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table as a grid is the pattern of ARIA's authoring practices */}
        <table class="figures heatmap" role="grid" aria-label={`${label}. Arrow keys move.`} onKeyDown={onKeyDown}>
          <caption>{series.name}</caption>
          <thead>
            <tr>
              <th scope="col">depth</th>
              <LengthHeads lengths={lengths} />
            </tr>
          </thead>
          <tbody>
            {depths.map((depth, row) => (
              <tr key={depth}>
                <th scope="row">{depth}</th>
                {lengths.map((length, column) => {
                  const { cell, title, value } = describe({ row, column });
                  return (
                    <td
                      key={length}
                      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a cell of the grid above
                      role="gridcell"
                      data-cell={`${row} ${column}`}
                      tabIndex={stop.row === row && stop.column === column ? 0 : -1}
                      aria-label={`${series.name}, ${title}: ${value}`}
                      style={cell && `--share: ${cell.hits / cell.trials}`}
                      onFocus={(event) => {
                        setStop({ row, column });
                        read({ row, column }, event.currentTarget);
                      }}
                      onBlur={() => setReading(null)}
                      onPointerEnter={(event) => read({ row, column }, event.currentTarget)}
                      onPointerLeave={(event) => {
                        // As in charts: what a finger touched stays readable.
                        if (event.pointerType === 'mouse') setReading(null);
                      }}
                    >
                      {cell === undefined ? '–' : `${cell.hits}/${cell.trials}`}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {reading !== null && (
        <div
          class="tooltip"
          aria-hidden="true"
          style={{ top: `${reading.y}px`, [reading.left ? 'right' : 'left']: `${reading.x}px` }}
        >
          <div class="tooltip-title">
            {series.name}, {reading.title}
          </div>
          {reading.value}
        </div>
      )}
    </div>
  );
}
