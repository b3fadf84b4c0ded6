import { spreadLabels } from './label-layout.js';

/** A place the cursor can stand on, and what is read there. */
export interface Stop {
  /** On the axis along which the cursor moves. */
  readonly at: number;
  readonly title: string;
  readonly readings: readonly Reading[];
}

export interface Reading {
  readonly name: string;
  readonly value: string;
  /** Written after the value, in a line of its own where it must. */
  readonly detail?: string;
  readonly colour: string;
  /** Where the cursor marks it, on the other axis; null = nowhere. */
  readonly mark: number | null;
  /** How far beside the stop it is drawn. */
  readonly shift?: number;
  readonly strong?: boolean;
}

/** A name written where its line ends. */
export interface EndLabel {
  readonly text: string;
  readonly colour: string;
  readonly x: number;
  readonly y: number;
  readonly strong?: boolean;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
  readonly along: 'x' | 'y';
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** Widths in pixels below which a tooltip would cover the plot it explains. */
const ROOM_BESIDE = 520;

export function EndLabels({ labels, drawing }: { labels: readonly EndLabel[]; drawing: Drawing }) {
  const wanted = labels.map(({ y }) => drawing.y(y));
  const placed = spreadLabels(wanted, 15, drawing.top + 4, drawing.bottom);
  return (
    <g class="end-labels">
      {labels.map(({ text, colour, x, strong }, index) => {
        const from = drawing.x(x) + 5;
        return (
          <g key={text}>
            <path d={`M${from},${wanted[index]!}L${from + 10},${placed[index]!}`} stroke={colour} fill="none" />
            <text x={from + 14} y={placed[index]!} dy="0.35em" fill={colour} class={strong === true ? 'strong' : ''}>
              {text}
            </text>
          </g>
        );
      })}
    </g>
  );
}

export function Cursor({ stop, drawing }: { stop: Stop; drawing: Drawing }) {
  const { along, top, bottom, left, right } = drawing;
  const at = drawing[along](stop.at);
  return (
    <g class="cursor">
      {along === 'x' ? <line x1={at} x2={at} y1={top} y2={bottom} /> : <line x1={left} x2={right} y1={at} y2={at} />}
      {stop.readings.map(({ mark, shift = 0, colour }, index) => {
        if (mark === null) return null;
        const [x, y] = along === 'x' ? [stop.at + shift, mark] : [mark, stop.at + shift];
        return <circle key={index} cx={drawing.x(x)} cy={drawing.y(y)} r="4.5" fill={colour} />;
      })}
    </g>
  );
}

/** Beside the cursor, in the half with fewer lines; below the chart (or the row) where there is no room beside. */
export function Tooltip({ stop, drawing }: { stop: Stop; drawing: Drawing }) {
  const { width, along } = drawing;
  const beside = along === 'x' ? besideColumn(stop, drawing) : besideRow(stop, drawing);
  const below = along === 'x' && width < ROOM_BESIDE;
  return (
    <div class={below ? 'tooltip below' : 'tooltip'} style={below ? undefined : beside}>
      <div class="tooltip-title">{stop.title}</div>
      <table>
        {stop.readings.map(({ name, value, detail, colour, strong }, index) => (
          <tr key={index} class={strong === true ? 'strong' : ''}>
            <td>
              <span class="dot" style={{ background: colour }} />
              {name}
            </td>
            <td class="number">
              <span>{value}</span> {detail !== undefined && <span>{detail}</span>}
            </td>
          </tr>
        ))}
      </table>
    </div>
  );
}

function besideColumn(stop: Stop, { width, height, top, bottom, x, y }: Drawing) {
  const at = x(stop.at);
  const heights = stop.readings.flatMap(({ mark }) => (mark === null ? [] : y(mark)));
  const crowdedAbove = heights.filter((height) => height < (top + bottom) / 2).length > heights.length / 2;
  return {
    ...(at > width / 2 ? { right: `${width - at + 12}px` } : { left: `${at + 12}px` }),
    ...(crowdedAbove ? { bottom: `${height - bottom + 8}px` } : { top: `${top + 6}px` }),
  };
}

/** Under the row, or above it near the end of the plot, so that the row itself stays in view. */
function besideRow(stop: Stop, { height, top, bottom, left, y }: Drawing) {
  const at = y(stop.at);
  const room = 20;
  const vertical = at > (top + bottom) / 2 ? { bottom: `${height - at + room}px` } : { top: `${at + room}px` };
  return { ...vertical, left: `${left + 8}px`, maxWidth: `calc(100% - ${left + 8}px)` };
}
