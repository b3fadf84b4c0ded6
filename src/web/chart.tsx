import * as Plot from '@observablehq/plot';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { spreadLabels } from './label-layout.js';

/** A place the cursor can stand on, and what is read there. */
export interface Stop {
  readonly x: number;
  readonly title: string;
  readonly readings: readonly Reading[];
}

export interface Reading {
  readonly name: string;
  readonly value: string;
  /** Written after the value, in a line of its own where it must. */
  readonly detail?: string;
  readonly colour: string;
  /** Where the cursor marks it; null = nowhere. */
  readonly y: number | null;
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

export interface ChartProps {
  readonly id: string;
  /** Says what the chart shows, for those who cannot see it. */
  readonly label: string;
  readonly height: number;
  /** Room above the plot; more than the default where an axis stands there. */
  readonly marginTop?: number;
  /** Scales and marks for a width in pixels; the frame (size, margins, style) is the chart's own. */
  readonly draw: (width: number) => Plot.PlotOptions;
  readonly stops: readonly Stop[];
  readonly endLabels: readonly EndLabel[];
}

interface Drawing {
  readonly width: number;
  readonly top: number;
  readonly bottom: number;
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

/** A chart this narrow is being laid out or hidden, not read. */
const NARROWEST = 120;
const MARGIN = { bottom: 44, left: 46 };
/** Widths in pixels below which a tooltip would cover the plot it explains. */
const ROOM_BESIDE = 520;
/** Names at the line ends may take this share of the width; where they need more, the method buttons are the legend. */
const LABEL_SHARE = 0.25;

/**
 * A plot with one cursor for mouse, touch and arrow keys, which reads all lines at once. To assistive technology it is a
 * slider whose value is the reading.
 */
export function Chart({ id, label, height, marginTop = 30, draw, stops, endLabels }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);

  useLayoutEffect(() => {
    const measure = () => setWidth(Math.floor(frame.current!.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(frame.current!);
    return () => observer.disconnect();
  }, []);

  const labelWidth = Math.max(0, ...endLabels.map(({ text }) => text.length)) * 8 + 22;
  const labelled = endLabels.length > 0 && labelWidth <= width * LABEL_SHARE;
  const marginRight = labelled ? labelWidth : 20;

  useLayoutEffect(() => {
    if (width < NARROWEST) return;
    const plot = Plot.plot({
      ...draw(width),
      width,
      height,
      marginTop,
      marginBottom: MARGIN.bottom,
      marginLeft: MARGIN.left,
      marginRight,
      className: 'plot',
      style: { fontSize: '12px', fontFamily: 'inherit' },
    });
    host.current!.replaceChildren(plot);
    const [x, y] = [plot.scale('x')!, plot.scale('y')!];
    setDrawing({
      width,
      top: marginTop,
      bottom: height - MARGIN.bottom,
      x: (value) => x.apply(value),
      y: (value) => y.apply(value),
    });
  }, [width, height, marginTop, draw, marginRight]);

  useEffect(() => setCursor(null), [stops]);

  const stop = cursor === null ? undefined : stops[cursor];
  const moveTo = (index: number) => setCursor(Math.max(0, Math.min(stops.length - 1, index)));
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.round(stops.length / 10));
    const from = cursor ?? -1;
    const target = {
      ArrowRight: from + 1,
      ArrowUp: from + 1,
      ArrowLeft: from - 1,
      ArrowDown: from - 1,
      PageUp: from + page,
      PageDown: from - page,
      Home: 0,
      End: stops.length - 1,
    }[event.key];
    if (event.key === 'Escape') setCursor(null);
    if (target === undefined) return;
    event.preventDefault();
    moveTo(target);
  };
  const onPointerMove = (event: PointerEvent) => {
    if (drawing === null || stops.length === 0) return;
    const left = event.clientX - frame.current!.getBoundingClientRect().left;
    const distances = stops.map(({ x }) => Math.abs(drawing.x(x) - left));
    setCursor(distances.indexOf(Math.min(...distances)));
  };

  return (
    <div
      ref={frame}
      id={id}
      class="chart"
      tabIndex={0}
      role="slider"
      aria-label={`${label}. Arrow keys read the values.`}
      aria-valuemin={0}
      aria-valuemax={Math.max(0, stops.length - 1)}
      aria-valuenow={cursor ?? 0}
      aria-valuetext={stop === undefined ? 'no position chosen' : readAloud(stop)}
      style={{ minHeight: `${height}px` }}
      onKeyDown={onKeyDown}
      onPointerMove={onPointerMove}
      onPointerDown={onPointerMove}
      onPointerLeave={(event) => {
        // A finger leaves when it is lifted; what it touched stays readable until something else is touched.
        if (event.pointerType === 'mouse') setCursor(null);
      }}
      onBlur={() => setCursor(null)}
    >
      <div ref={host} aria-hidden="true" />
      {drawing !== null && drawing.width === width && (
        <svg class="overlay" width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
          {labelled && <EndLabels labels={endLabels} drawing={drawing} />}
          {stop !== undefined && <Cursor stop={stop} drawing={drawing} />}
        </svg>
      )}
      {stop !== undefined && drawing !== null && <Tooltip stop={stop} drawing={drawing} />}
    </div>
  );
}

function EndLabels({ labels, drawing }: { labels: readonly EndLabel[]; drawing: Drawing }) {
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

function Cursor({ stop, drawing }: { stop: Stop; drawing: Drawing }) {
  const x = drawing.x(stop.x);
  return (
    <g class="cursor">
      <line x1={x} x2={x} y1={drawing.top} y2={drawing.bottom} />
      {stop.readings.map(
        ({ y, colour }, index) => y !== null && <circle key={index} cx={x} cy={drawing.y(y)} r="4.5" fill={colour} />,
      )}
    </g>
  );
}

/** Beside the cursor, in the half with fewer lines; below the chart where there is no room beside. */
function Tooltip({ stop, drawing }: { stop: Stop; drawing: Drawing }) {
  const { width, top, bottom } = drawing;
  const x = drawing.x(stop.x);
  const heights = stop.readings.flatMap(({ y }) => (y === null ? [] : drawing.y(y)));
  const crowdedAbove = heights.filter((y) => y < (top + bottom) / 2).length > heights.length / 2;
  const beside = {
    ...(x > width / 2 ? { right: `${width - x + 12}px` } : { left: `${x + 12}px` }),
    ...(crowdedAbove ? { bottom: `${MARGIN.bottom + 8}px` } : { top: `${top + 6}px` }),
  };
  return (
    <div class={width < ROOM_BESIDE ? 'tooltip below' : 'tooltip'} style={width < ROOM_BESIDE ? undefined : beside}>
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

function readAloud({ title, readings }: Stop): string {
  return `${title}: ${readings.map(({ name, value, detail = '' }) => `${name} ${value} ${detail}`.trimEnd()).join(', ')}`;
}
