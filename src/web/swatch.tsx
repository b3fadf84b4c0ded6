import * as Plot from '@observablehq/plot';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { MethodStyle } from './method-style.js';

const SIZE = { width: 34, height: 14 };

/** Line and marker of a method as the charts draw them. */
export function Swatch({ style }: { style: MethodStyle }) {
  const host = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const { colour, dash, width, symbol } = style;
    const axis = { axis: null, domain: [-1, 1] };
    const plot = Plot.plot({
      ...SIZE,
      margin: 1,
      x: axis,
      y: axis,
      className: 'plot',
      marks: [
        Plot.lineY([0, 0], { x: [-1, 1], stroke: colour, strokeWidth: width, strokeDasharray: dash }),
        Plot.dot([0], { x: 0, y: 0, r: 4.5, symbol, fill: colour }),
      ],
    });
    // The rules are those of every chart of the page; in a button they would only be text.
    plot.querySelector('style')?.remove();
    host.current!.replaceChildren(plot);
  }, [style]);
  return <span ref={host} class="swatch" aria-hidden="true" />;
}
