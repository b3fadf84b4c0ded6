import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { formatPValue, formatSigned } from '../../src/report/format.js';
import { sampleEvaluations } from '../report/sample-evaluations.js';
import { sampleView } from '../report/sample-view.js';
import { contrast, parseColour } from './colour.js';
import { overflow, reportPages, type Situation } from './report-pages.js';

const openPage = reportPages();
const onPage = (width: number, colorScheme: Situation['colorScheme'] & string, look: (page: Page) => Promise<void>) =>
  openPage(sampleView, { width, colorScheme }, look);

const [needle] = sampleEvaluations.retrieval;
const [benchmark] = sampleEvaluations.benchmarks;

interface Look {
  readonly shape: string;
  readonly fill: string;
}

/** Shape (of any size) and colour of every mark under an element. */
async function marksIn(page: Page, under: string): Promise<Look[]> {
  return (await page.evaluate(`[...document.querySelectorAll('${under} [aria-label="dot"] > *')].map((mark) => ({
    // Of a path its commands tell the shapes apart.
    shape: mark.tagName + (mark.getAttribute('d') ?? '').replace(/[^A-Za-z]/g, ''),
    fill: mark.getAttribute('fill') ?? mark.closest('[fill]').getAttribute('fill'),
  }))`)) as Look[];
}

describe('evaluations on the page', () => {
  it('have a chart each, and a heatmap per series with every count', () =>
    onPage(1280, 'light', async (page) => {
      for (const chart of ['retrieval-chart-0', 'ruler-chart-0'])
        expect(await page.locator(`#${chart} .plot [aria-label="dot"] > *`).count(), chart).toBeGreaterThan(5);
      const counts = await page.locator('.heatmap tbody td').allTextContents();
      expect(counts).toEqual(
        needle!.series.flatMap(({ cells }) =>
          needle!.depths.flatMap((_, depth) =>
            needle!.lengths.map((length) => {
              const cell = cells.find((entry) => entry.length === length && entry.depth === depth)!;
              return `${cell.hits}/${cell.trials}`;
            }),
          ),
        ),
      );
      expect(await page.getByText('Effective length: none: no length, YaRN: 512, searched: 1,024.').count()).toBe(1);
    }));

  it('give a series the same colour and shape in every chart and in the legend', () =>
    onPage(1280, 'light', async (page) => {
      const legend = await marksIn(page, '.methods');
      expect(new Set(legend.map(({ shape }) => shape)).size).toBe(sampleView.methods.length);
      const looksOf = (names: readonly string[]) =>
        legend.filter((_, i) => names.includes(sampleView.methods[i]!.name));
      const series = benchmark!.series.map(({ name }) => name);
      const compared = [...new Set(benchmark!.comparisons.map(({ name }) => name))];
      for (const [chart, names, each] of [
        ['#benchmark-chart-0', series, benchmark!.tasks.length],
        ['#difference-chart-0', compared, benchmark!.tasks.length],
        ['#retrieval-chart-0', series, needle!.lengths.length],
      ] as const) {
        const marks = await marksIn(page, `${chart} .plot`);
        expect(marks, chart).toHaveLength(names.length * each);
        const looks = (all: readonly Look[]) => [...new Set(all.map(({ shape, fill }) => `${shape} ${fill}`))].sort();
        expect(looks(marks), chart).toEqual(looks(looksOf(names)));
      }
    }));

  it('draw the difference of every task with its interval beside a zero line, and write them as a table', () =>
    onPage(1280, 'light', async (page) => {
      // Where the marks stand is read off the screen; the axis' own labels tell what that means in points.
      const places = (await page.evaluate(`(() => {
        const plot = document.querySelector('#difference-chart-0 .plot');
        const box = (element) => element.getBoundingClientRect();
        const centre = (element) => box(element).x + box(element).width / 2;
        const ticks = [...plot.querySelectorAll('[aria-label="x-axis tick label"] text')];
        const [a, b] = [ticks[0], ticks.at(-1)].map((text) => [Number(text.textContent.replace('−', '-')), centre(text)]);
        const points = (x) => a[0] + ((x - a[1]) * (b[0] - a[0])) / (b[1] - a[1]);
        const groups = [...plot.querySelectorAll('[aria-label="rule"]')]; // between rows, zero, intervals
        const lines = (group) => [...group.querySelectorAll('line')].map((line) => [
          points(box(line).x), points(box(line).x + box(line).width),
        ]);
        return {
          zero: lines(groups.at(-2)).flat(),
          intervals: lines(groups.at(-1)),
          dots: [...plot.querySelectorAll('[aria-label="dot"] > *')].map((dot) => points(centre(dot))),
          rows: [...plot.querySelectorAll('[aria-label="y-axis tick label"] text')].map((text) => text.textContent),
        };
      })()`)) as { zero: number[]; intervals: [number, number][]; dots: number[]; rows: string[] };
      for (const end of places.zero) expect(Math.abs(end)).toBeLessThan(0.1);
      const { comparisons, tasks } = benchmark!;
      comparisons.forEach(({ difference, interval }, i) => {
        // Within half a pixel or so of a plot whose points are some 50 pixels apart.
        for (const [found, expected] of [
          [places.dots[i]!, difference],
          [places.intervals[i]![0], interval!.low!],
          [places.intervals[i]![1], interval!.high!],
        ] as const)
          expect(Math.abs(found - expected)).toBeLessThan(0.1);
      });
      expect(places.rows).toHaveLength(tasks.length);
      expect(places.rows[2]).toMatch(/^3\. mmlu_high_school.*…$/);
      const table = await page
        .locator('.differences tbody tr')
        .evaluateAll((rows: { children: Iterable<{ textContent: string }> }[]) =>
          rows.map((row) => [...row.children].map((cell) => cell.textContent)),
        );
      expect(table).toEqual(
        comparisons.map(({ task, name, difference, interval, pValue }) => [
          `${tasks.findIndex((one) => one.name === task) + 1}. ${task}`,
          name,
          formatSigned(difference),
          `${formatSigned(interval!.low)} to ${formatSigned(interval!.high)}`,
          formatPValue(pValue),
        ]),
      );
    }));

  it('are read by the arrow keys and by the mouse', () =>
    onPage(1280, 'light', async (page) => {
      await page.locator('#benchmark-chart-0').focus();
      await page.keyboard.press('End');
      const last = benchmark!.tasks.at(-1)!;
      expect(await page.locator('#benchmark-chart-0 .tooltip-title').textContent()).toBe(`4. ${last.name}, acc_norm`);
      expect(await page.locator('#benchmark-chart-0').getAttribute('aria-valuetext')).toContain('searched');
      await page.keyboard.press('Escape');
      await page.locator('#ruler-chart-0').hover({ position: { x: 60, y: 100 } });
      expect(await page.locator('#ruler-chart-0 .tooltip-title').textContent()).toBe('256 tokens');
    }));

  it('have a reading for the keyboard in every chart of the page', () =>
    onPage(1280, 'light', async (page) => {
      const ids = (await page.evaluate(`[...document.querySelectorAll('.chart')].map(({ id }) => id)`)) as string[];
      expect(ids.length).toBeGreaterThan(8);
      for (const id of ids) {
        const chart = page.locator(`#${id}`);
        await chart.focus();
        await page.keyboard.press('Home');
        const first = await chart.locator('.tooltip').textContent();
        await page.keyboard.press('End');
        expect(await chart.locator('.tooltip').textContent(), id).not.toBe(first);
        expect(await chart.getAttribute('aria-valuetext'), id).toMatch(/: \S/);
        await page.keyboard.press('Escape');
        expect(await chart.locator('.tooltip').count(), id).toBe(0);
      }
    }));

  it('read the rows of the differences downwards', () =>
    onPage(390, 'dark', async (page) => {
      const chart = page.locator('#difference-chart-0');
      await chart.focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      const tooltip = chart.locator('.tooltip');
      expect(await tooltip.textContent()).toMatch(
        /^2\. hellaswag, against noneYaRN-4\.0 \(-7\.1 to -0\.9\), p 0\.047searched-8\.0 /,
      );
      await page.keyboard.press('ArrowUp');
      expect(await tooltip.textContent()).toMatch(/^1\. arc_challenge/);
      expect(await overflow(page)).toBe(0);
    }));

  it('move through a heatmap with one tab stop, and say each cell', () =>
    onPage(1280, 'light', async (page) => {
      const grid = page.getByRole('grid', { name: 'Needle, searched: right answers by depth and length' });
      expect(await grid.locator('[tabindex="0"]').count()).toBe(1);
      await grid.locator('[tabindex="0"]').focus();
      const at = async () => page.evaluate('document.activeElement.getAttribute("aria-label")');
      const tooltipOf = (name: string) => page.locator('.heatmap-frame', { hasText: name }).locator('.tooltip');
      const tooltip = tooltipOf('searched');
      expect(await at()).toBe('searched, depth 0%, 256 tokens: 3 of 3 right, 100.0%');
      for (const [key, expected] of [
        ['ArrowRight', 'depth 0%, 512 tokens'],
        ['ArrowDown', 'depth 10%, 512 tokens'],
        ['End', 'depth 10%, 8,192 tokens'],
        ['ArrowRight', 'depth 10%, 8,192 tokens'],
        ['PageDown', 'depth 100%, 8,192 tokens'],
        ['Control+Home', 'depth 0%, 256 tokens'],
        ['ArrowUp', 'depth 0%, 256 tokens'],
        ['ArrowDown', 'depth 10%, 256 tokens'],
      ] as const) {
        await page.keyboard.press(key);
        expect(await at(), key).toContain(`searched, ${expected}: `);
        expect(`${await at()}`.replace(': ', ''), key).toBe(await tooltip.textContent());
        expect(await grid.locator('[tabindex="0"]').count()).toBe(1);
      }
      await page.keyboard.press('Escape');
      expect(await tooltip.count()).toBe(0);
      await page.keyboard.press('Shift+Tab');
      expect(await grid.locator(':focus').count()).toBe(0);
      await page.keyboard.press('Tab');
      expect(await at()).toContain('depth 10%, 256 tokens');
      await page.locator('.heatmap td').first().hover();
      expect(await tooltipOf('none').textContent()).toBe('none, depth 0%, 256 tokens3 of 3 right, 100.0%');
    }));

  it.each(['light', 'dark'] as const)('keep their figures readable on the colour of a cell, %s', (scheme) =>
    onPage(1280, scheme, async (page) => {
      // A canvas knows every way of writing a colour, color-mix included.
      const colours = (await page.evaluate(`(() => {
        const brush = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const paint = (...layers) => {
          for (const layer of layers) {
            brush.fillStyle = layer;
            brush.fillRect(0, 0, 1, 1);
          }
          return [...brush.getImageData(0, 0, 1, 1).data.slice(0, 3)].join(', ');
        };
        const surface = getComputedStyle(document.body).backgroundColor;
        return [...document.querySelectorAll('.heatmap td')].map((cell) => {
          const { color, backgroundColor } = getComputedStyle(cell);
          return [paint(color), paint(surface, backgroundColor)];
        });
      })()`)) as [string, string][];
      expect(new Set(colours.map(([, cell]) => cell)).size).toBe(4);
      for (const [ink, cell] of colours) expect(contrast(parseColour(ink), parseColour(cell))).toBeGreaterThan(4.5);
    }),
  );

  it('never make the page scroll sideways', () =>
    onPage(360, 'light', async (page) => {
      expect(await overflow(page)).toBe(0);
      // The tooltip of a cell at the edge neither.
      await page.locator('.heatmap td').last().focus();
      expect(await page.locator('.heatmap-frame .tooltip').count()).toBe(1);
      expect(await overflow(page)).toBe(0);
    }));
});
