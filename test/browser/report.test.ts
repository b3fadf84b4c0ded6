import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { formatFactor, formatInterval, formatLoss, formatPerplexity } from '../../src/report/format.js';
import { headline, type ReportView } from '../../src/report/index.js';
import { sampleView } from '../report/sample-view.js';
import { colourOf, contrast, luminance, parseColour } from './colour.js';
import { overflow, reportPages } from './report-pages.js';

const METHODS = sampleView.methods.map(({ name }) => name);
const LONG_NAME = 'factors-from-a-run-whose-name-somebody-chose-without-thinking-of-phones';
const withLongNames = JSON.parse(JSON.stringify(sampleView).replaceAll('"YaRN"', `"${LONG_NAME}"`)) as ReportView;
const onPage = reportPages();

/** Names of the lines drawn in a chart, in drawing order. */
function seriesIn(page: Page, chart: string): Promise<string[]> {
  return page
    .locator(`#${chart} .plot [aria-label="line"] path, #${chart} .plot [aria-label="rule"] line[aria-label]`)
    .evaluateAll((marks: { getAttribute(name: string): string | null }[]) =>
      marks.map((mark) => mark.getAttribute('aria-label') ?? ''),
    );
}

/** Body rows of a table as texts. */
function rowsOf(page: Page, table: string): Promise<string[][]> {
  return page
    .locator(`${table} tbody tr`)
    .evaluateAll((rows: { children: Iterable<{ textContent: string }> }[]) =>
      rows.map((row) => [...row.children].map((cell) => cell.textContent)),
    );
}

describe('the report in Chromium', () => {
  it('draws every series of every section', () =>
    onPage(sampleView, {}, async (page) => {
      expect(await page.title()).toBe(sampleView.title);
      expect(await page.locator('h1').textContent()).toBe(headline(sampleView).statement);
      expect(await seriesIn(page, 'perplexity-chart-0')).toEqual(METHODS);
      expect(await seriesIn(page, 'factor-chart-0')).toEqual(['PI', 'NTK', 'YaRN', 'searched']);
      expect((await seriesIn(page, 'search-chart-0')).sort()).toEqual(['NTK', 'YaRN', 'searched']);
      expect(await page.getByText('Above the plot: none 4.5320, PI 4.9430, 1 candidate.').count()).toBe(1);
      expect(await page.locator('[id^="position-chart-"]').count()).toBe(4);
      for (let index = 0; index < 4; index++) expect(await seriesIn(page, `position-chart-${index}`)).toEqual(METHODS);
      expect(await page.locator('#factor-chart-0 .end-labels text').allTextContents()).toEqual([
        'PI',
        'NTK',
        'YaRN',
        'searched',
      ]);
    }));

  it('writes every figure as text, equal to the view model', () =>
    onPage(sampleView, {}, async (page) => {
      const [panel] = sampleView.perplexity;
      expect(await rowsOf(page, '.perplexity')).toEqual(
        panel!.series.map(({ name, points }) => [
          name,
          ...points.map(
            ({ perplexity, interval, bootstrap }) =>
              `${formatPerplexity(perplexity)}${formatInterval(interval!)}b ${formatInterval(bootstrap!)}`,
          ),
        ]),
      );
      const factors = sampleView.factors[0]!;
      expect((await rowsOf(page, '.factors')).slice(2).map((row) => row.slice(2))).toEqual(
        Array.from({ length: 32 }, (_, pair) => factors.series.map((series) => formatFactor(series.factors[pair]!))),
      );
      expect((await rowsOf(page, '.factors'))[0]!.slice(2)).toEqual(['1.0000', '1.0000', '1.0000', '1.0610']);
      expect((await rowsOf(page, '.loss')).map((row) => row.slice(1))).toEqual(
        sampleView.lossByPosition.flatMap(({ bucketEdges, series }) =>
          bucketEdges.slice(1).map((_, bucket) => series.map(({ loss }) => formatLoss(loss[bucket]!))),
        ),
      );
      const { points } = sampleView.searches[0]!.runs[0]!;
      const improvements = points.filter(({ best }, i) => best !== points[i - 1]?.best);
      expect((await rowsOf(page, '.search')).map((row) => row[2])).toEqual(
        improvements.map(({ best }) => formatLoss(best)),
      );
      const text = await page.locator('body').textContent();
      for (const { sha256 } of sampleView.inputs) expect(text).toContain(sha256);
      expect(text).toContain('budget: 700 documents');
    }));

  it('reads all lines under the mouse, and stops when it leaves', () =>
    onPage(sampleView, {}, async (page) => {
      const chart = page.locator('#perplexity-chart-0');
      await chart.hover({ position: { x: 70, y: 200 } });
      const tooltip = (await chart.locator('.tooltip').textContent()) ?? '';
      expect(tooltip).toContain('256 tokens');
      for (const { name, points } of sampleView.perplexity[0]!.series) {
        expect(tooltip).toContain(`${name}${formatPerplexity(points[0]!.perplexity)}`);
      }
      expect(await chart.locator('.cursor circle').count()).toBe(METHODS.length);
      await page.mouse.move(2, 2);
      expect(await chart.locator('.tooltip').count()).toBe(0);
    }));

  it('keeps what a finger touched until something else is touched', () =>
    onPage(sampleView, { width: 360 }, async (page) => {
      const chart = page.locator('#factor-chart-0');
      const box = (await chart.boundingBox())!;
      const touch = { pointerType: 'touch', clientX: box.x + box.width / 2 };
      await chart.dispatchEvent('pointerdown', touch);
      await chart.dispatchEvent('pointerleave', touch);
      expect(await chart.locator('.tooltip').textContent()).toContain('one turn in');
      await chart.focus();
      await page.locator('#search-chart-0').focus();
      expect(await page.locator('.tooltip').count()).toBe(0);
    }));

  it('is fully usable from the keyboard', () =>
    onPage(sampleView, {}, async (page) => {
      const reached: string[] = [];
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab');
        const id = await page.evaluate(
          'document.activeElement.id || document.activeElement.textContent.trim() || document.activeElement.tagName',
        );
        reached.push(String(id));
      }
      expect(reached[0]).toBe('Skip to the results');
      const charts = ['perplexity-chart-0', 'factor-chart-0', 'position-chart-0', 'position-chart-3', 'search-chart-0'];
      expect(reached).toEqual(expect.arrayContaining([...METHODS, ...charts, 'All 32 factors', 'Copy']));

      const chart = page.locator('#factor-chart-0');
      await chart.focus();
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
      expect(await chart.getAttribute('aria-valuenow')).toBe('2');
      expect(await chart.getAttribute('aria-valuetext')).toMatch(
        /^pair 2, one turn in 11 tokens: PI 8\.000, NTK 1\.144/,
      );
      await page.keyboard.press('End');
      expect(await chart.locator('.tooltip').textContent()).toContain('searched6.325');
      await page.keyboard.press('Escape');
      expect(await chart.locator('.tooltip').count()).toBe(0);
    }));

  it('takes a method out of all charts and leaves the others as they were', () =>
    onPage(sampleView, {}, async (page) => {
      const strokeOfYarn = () => page.locator('#factor-chart-0 path[aria-label="YaRN"]').getAttribute('stroke');
      const before = await strokeOfYarn();
      const button = page.getByRole('button', { name: 'PI', exact: true });
      await button.press('Enter');
      expect(await button.getAttribute('aria-pressed')).toBe('false');
      expect(await seriesIn(page, 'perplexity-chart-0')).toEqual(['none', 'NTK', 'YaRN', 'searched']);
      expect(await seriesIn(page, 'position-chart-3')).toEqual(['none', 'NTK', 'YaRN', 'searched']);
      expect(await strokeOfYarn()).toBe(before);
      await button.press('Enter');
      expect(await seriesIn(page, 'factor-chart-0')).toEqual(['PI', 'NTK', 'YaRN', 'searched']);
    }));

  it.each([
    [320, sampleView],
    [360, sampleView],
    [360, withLongNames],
    [1280, withLongNames],
  ])('never scrolls sideways at %d pixels', (width, view) =>
    onPage(view, { width }, async (page) => {
      expect(await overflow(page)).toBe(0);
      const heading = await page.locator('.perplexity thead th').first().boundingBox();
      expect(heading!.height, 'the heading of the first column in one line').toBeLessThan(45);
      await page.locator('details').evaluateAll((all: { open: boolean }[]) => {
        for (const details of all) details.open = true;
      });
      for (const chart of ['perplexity', 'factor', 'search', 'position']) {
        await page.locator(`#${chart}-chart-0`).focus();
        for (const key of ['Home', 'End']) {
          await page.keyboard.press(key);
          expect(await page.locator('.tooltip').count()).toBe(1);
          expect(await overflow(page)).toBe(0);
        }
      }
    }),
  );

  it.each(['light', 'dark'] as const)('keeps text and lines legible in %s', (colorScheme) =>
    onPage(sampleView, { colorScheme }, async (page) => {
      const surface = await colourOf(page, 'var(--surface)');
      const raised = await colourOf(page, 'var(--raised)');
      expect(luminance(surface) < 0.1).toBe(colorScheme === 'dark');
      const names = ['ink', 'muted', 'grey', 'blue', 'orange', 'green', 'purple', 'brown', 'teal', 'red'];
      for (const name of names) {
        const colour = await colourOf(page, `var(--${name})`);
        expect(contrast(colour, surface), `${name} on the page`).toBeGreaterThanOrEqual(4.5);
        expect(contrast(colour, raised), `${name} on a tooltip`).toBeGreaterThanOrEqual(4.5);
      }
      expect(contrast(await colourOf(page, 'var(--focus)'), surface)).toBeGreaterThanOrEqual(3);
      const body = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      expect(parseColour(String(body))).toEqual(surface);
    }),
  );

  it('copies the command', () =>
    onPage(sampleView, {}, async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.getByRole('button', { name: 'Copy' }).click();
      await page.getByText('Copied').waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(sampleView.command);
    }));

  it('shows a perplexity that is not finite as such', () => {
    const [panel] = sampleView.perplexity;
    const series = panel!.series.map(({ name, points }) => ({
      name,
      points: points.map((point) =>
        name === 'PI' ? { ...point, perplexity: null, interval: null, bootstrap: null } : point,
      ),
    }));
    return onPage({ ...sampleView, perplexity: [{ ...panel!, series }] }, {}, async (page) => {
      expect((await rowsOf(page, '.perplexity'))[1]).toEqual(['PI', '∞', '∞', '∞', '∞']);
      expect(await page.locator('#perplexity-chart-0 .plot text', { hasText: '∞' }).count()).toBe(4);
      expect(await page.locator('#perplexity-chart-0 .end-labels').textContent()).toContain('PI ∞');
    });
  });

  it('draws what little a view may hold', async () => {
    const empty = {
      ...sampleView,
      methods: [],
      factors: [],
      searches: [],
      perplexity: [],
      lossByPosition: [],
      retrieval: [],
      ruler: [],
      benchmarks: [],
    };
    await onPage(empty, {}, async (page) => {
      expect(await page.locator('.chart').count()).toBe(0);
      expect(await page.locator('h1').textContent()).toBe(sampleView.title);
    });
    const [panel] = sampleView.perplexity;
    const series = panel!.series.map(({ name, points }) => ({ name, points: points.slice(3) }));
    const oneLength = { ...sampleView, perplexity: [{ ...panel!, lengths: [2048], series }] };
    await onPage(oneLength, {}, async (page) => {
      const dots = page.locator('#perplexity-chart-0 .plot [aria-label="dot"] > *');
      const positions = await dots.evaluateAll((all: { getBoundingClientRect(): { x: number; y: number } }[]) =>
        all.map((dot) => dot.getBoundingClientRect()).map(({ x, y }) => `${x} ${y}`),
      );
      expect(positions).toHaveLength(METHODS.length);
      const text = await page.locator('#perplexity-chart-0 .plot').innerHTML();
      expect(text).not.toMatch(/NaN|null/);
    });
  });

  it('puts several models side by side', () => {
    const second = { ...sampleView.factors[0]!, subject: 'another model' };
    const losses = sampleView.perplexity.map((panel) => ({ ...panel, subject: 'another model' }));
    const view = {
      ...sampleView,
      factors: [...sampleView.factors, second],
      perplexity: [...sampleView.perplexity, ...losses],
    };
    return onPage(view, {}, async (page) => {
      expect(await page.locator('[id^="factor-chart-"], [id^="perplexity-chart-"]').count()).toBe(4);
      expect(await page.getByRole('heading', { name: 'another model' }).count()).toBe(2);
    });
  });

  it('runs nothing that a name carries and asks the network for nothing', () => {
    const hostile =
      '</script><img src="https://example.org/x.png" onerror="window.owned = true"><script>window.owned = true</script>';
    const methods = sampleView.methods.map((method) => ({ ...method, description: hostile }));
    const view = { ...sampleView, title: hostile, command: hostile, notes: [hostile], methods };
    return onPage(view, {}, async (page) => {
      expect(await page.locator('#command').textContent()).toBe(hostile);
      expect(await page.evaluate('window.owned')).toBeUndefined();
      expect(await page.locator('img').count()).toBe(0);
    });
  });

  it('could not reach the network if it tried', () =>
    onPage(sampleView, {}, async (page, complaints) => {
      const refused = await page.evaluate(`new Promise((done) => {
        document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
        fetch('https://example.org/').catch(() => {});
      })`);
      expect(refused).toBe('connect-src');
      // Chromium reports the refusal on the console; that is the one complaint this page may make.
      const others = complaints.filter((complaint) => !complaint.includes('Content Security Policy'));
      complaints.splice(0, complaints.length, ...others);
    }));
});
