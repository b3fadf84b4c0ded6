import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillTemplate } from '../../src/report/html.js';
import { sampleEvaluations } from '../report/sample-evaluations.js';
import { sampleView } from '../report/sample-view.js';
import { launchChromium } from './chromium.js';
import { contrast, parseColour } from './colour.js';

const scratch = mkdtempSync(join(tmpdir(), 'longrope-evaluations-'));
let template: string;
let context: BrowserContext;
let complaints: string[] = [];

beforeAll(async () => {
  const outDir = join(scratch, 'web');
  await build({ configFile: resolve('src/web/vite.config.ts'), build: { outDir } });
  template = readFileSync(join(outDir, 'report.html'), 'utf8');
  context = await launchChromium(join(scratch, 'profile'));
  context.on('console', (message) => complaints.push(`console ${message.type()}: ${message.text()}`));
  context.on('weberror', ({ error }) => complaints.push(`error: ${String(error())}`));
}, 60_000);

afterAll(async () => {
  await context?.close();
  rmSync(scratch, { recursive: true, force: true });
});

async function onPage(width: number, colorScheme: 'light' | 'dark', look: (page: Page) => Promise<void>) {
  complaints = [];
  const file = join(scratch, 'report.html');
  writeFileSync(file, fillTemplate(template, sampleView));
  const page = await context.newPage();
  try {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await page.goto(pathToFileURL(file).href);
    await page.locator('h1').waitFor();
    await look(page);
    expect(complaints).toEqual([]);
  } finally {
    await page.close();
  }
}

const [needle] = sampleEvaluations.retrieval;
const [benchmark] = sampleEvaluations.benchmarks;

describe('evaluations on the page', () => {
  it('have a chart each, and a heatmap per series with every count', () =>
    onPage(1280, 'light', async (page) => {
      for (const chart of ['retrieval-chart-0', 'ruler-chart-0'])
        expect(await page.locator(`#${chart} .plot circle`).count(), chart).toBeGreaterThan(5);
      // One mark per task and series; the series differ in shape (a circle, or the path of another symbol).
      const shapes = (await page.evaluate(`[...document.querySelectorAll(
        '#benchmark-chart-0 .plot [aria-label="dot"] > *'
      )].map((mark) => mark.getAttribute('d') ?? mark.tagName)`)) as string[];
      expect(shapes).toHaveLength(benchmark!.tasks.length * benchmark!.series.length);
      expect(new Set(shapes).size).toBe(benchmark!.series.length);
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
      expect(await page.locator('section[aria-labelledby="benchmarks"] .comparisons li').count()).toBe(4);
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
      expect(await page.locator('.heatmap td').first().getAttribute('title')).toBe(
        'none, depth 0%, 256 tokens: 3 of 3 right',
      );
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
      expect(
        Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')),
      ).toBe(0);
    }));
});
