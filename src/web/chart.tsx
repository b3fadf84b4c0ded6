import * as Plot from '@observablehq/plot';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Cursor, type Drawing, type EndLabel, EndLabels, type Stop, Tooltip } from './chart-overlay.js';

export interface ChartProps {
  readonly id: string;
  /** Says what the chart shows, for those who cannot see it. */
  readonly label: string;
  readonly height: number;
  /** Room above the plot; more than the default where an axis stands there. */
  readonly marginTop?: number;
  /** Room beside the plot at a width; more than the default where names stand there. */
  readonly marginLeft?: (width: number) => number;
  /** The axis along which the cursor moves: y where the rows of a plot are what is compared. */
  readonly along?: 'x' | 'y';
  /** Scales and marks for a width in pixels; the frame (size, margins, style) is the chart's own. */
  readonly draw: (width: number) => Plot.PlotOptions;
  readonly stops: readonly Stop[];
  readonly endLabels: readonly EndLabel[];
}

/** A chart this narrow is being laid out or hidden, not read. */
const NARROWEST = 120;
const MARGIN = { bottom: 44, left: 46 };
const usualMargin = () => MARGIN.left;
/** Names at the line ends may take this share of the width; where they need more, the method buttons are the legend. */
const LABEL_SHARE = 0.25;

/**
 * A plot with one cursor for mouse, touch and arrow keys, which reads all lines at once. To assistive technology it is a
 * slider whose value is the reading.
 */
export function Chart(props: ChartProps) {
  const { id, label, height, marginTop = 30, marginLeft = usualMargin, along = 'x', draw, stops, endLabels } = props;
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
      marginLeft: marginLeft(width),
      marginRight,
      className: 'plot',
      style: { fontSize: '12px', fontFamily: 'inherit' },
    });
    host.current!.replaceChildren(plot);
    const [x, y] = [plot.scale('x')!, plot.scale('y')!];
    setDrawing({
      width,
      height,
      top: marginTop,
      bottom: height - MARGIN.bottom,
      left: marginLeft(width),
      right: width - marginRight,
      along,
      x: (value) => x.apply(value),
      y: (value) => y.apply(value),
    });
  }, [width, height, marginTop, marginLeft, along, draw, marginRight]);

  useEffect(() => setCursor(null), [stops]);

  const stop = cursor === null ? undefined : stops[cursor];
  const moveTo = (index: number) => setCursor(Math.max(0, Math.min(stops.length - 1, index)));
  const onKeyDown = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.round(stops.length / 10));
    const from = cursor ?? -1;
    // Rows are read downwards; along a horizontal axis up means more, as in every slider.
    const down = along === 'y' ? 1 : -1;
    const target = {
      ArrowRight: from + 1,
      ArrowUp: from - down,
      ArrowLeft: from - 1,
      ArrowDown: from + down,
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
    const { left, top } = frame.current!.getBoundingClientRect();
    const pointer = along === 'x' ? event.clientX - left : event.clientY - top;
    const distances = stops.map(({ at }) => Math.abs(drawing[along](at) - pointer));
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
      aria-orientation={along === 'y' ? 'vertical' : 'horizontal'}
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

function readAloud({ title, readings }: Stop): string {
  return `${title}: ${readings.map(({ name, value, detail = '' }) => `${name} ${value} ${detail}`.trimEnd()).join(', ')}`;
}
