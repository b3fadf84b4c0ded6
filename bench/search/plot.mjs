// Draws results.json: held-out perplexity against model tokens, a panel for each model and target, light and dark, for docs/search.md.
//   node bench/search/plot.mjs [docs/images/search]    needs Chromium, see CHROMIUM_PATH
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';

const root = path.resolve(import.meta.dirname, '../..');
const [prefix = path.join(root, 'docs/images/search')] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
if (!existsSync(executablePath)) {
  console.error(`expected Chromium at ${executablePath}; set CHROMIUM_PATH`);
  process.exit(2);
}

/** In the order of the legend. Searches with the formula's attention factor, which spoils them here, are in the table alone. */
const ALGORITHMS = [
  { key: 'auto', name: 'auto', colour: '--blue', symbol: 'circle' },
  { key: 'cma-es', name: 'cma-es', colour: '--red', symbol: 'square' },
  { key: 'cma-es+racing', name: 'cma-es, racing', colour: '--orange', symbol: 'triangle' },
  { key: 'longrope@1', name: 'longrope', colour: '--green', symbol: 'diamond' },
  { key: 'dim-mono@1', name: 'dim-mono', colour: '--purple', symbol: 'star' },
  { key: 'random@1', name: 'random', colour: '--grey', symbol: 'wye' },
];
const { cells } = JSON.parse(await readFile(path.join(import.meta.dirname, 'results.json'), 'utf8'));
const points = Object.entries(cells).flatMap(([key, cell]) => {
  const [model, scale, algorithm, budget] = key.split('/');
  const name = ALGORITHMS.find(({ key }) => key === algorithm)?.name;
  if (name === undefined) return [];
  const percent = (100 * cell.heldOut) / cell.yarn.heldOut;
  return [{ setting: `${model}, ${scale}`, algorithm: name, budget, tokens: cell.tokens, percent }];
});

const d3 = createRequire(import.meta.resolve('@observablehq/plot')).resolve('d3');
const script = (file, name) => path.join(file.slice(0, file.lastIndexOf('/node_modules/')), 'node_modules', name);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage({ deviceScaleFactor: 2, viewport: { width: 1240, height: 900 } });
  await page.setContent(
    '<body style="margin:0"><div id="plot" style="padding:1.25rem; width:max-content"></div></body>',
  );
  await page.addStyleTag({ path: path.join(root, 'src/web/colours.css') });
  await page.addStyleTag({ content: '#plot { background: var(--surface); color: var(--ink); font: 13px system-ui }' });
  await page.addScriptTag({ path: script(d3, 'd3/dist/d3.min.js') });
  await page.addScriptTag({ path: script(d3, '@observablehq/plot/dist/plot.umd.min.js') });
  await page.evaluate(draw, { points, algorithms: ALGORITHMS });
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.locator('#plot').screenshot({ path: `${prefix}-${colorScheme}.png` });
  }
} finally {
  await browser.close();
}

/** Runs in the page. A dot is one search; lines join the medians of a budget's seeds. */
function draw({ points, algorithms }) {
  const COLUMNS = 3;
  const { Plot, d3 } = globalThis;
  const shown = algorithms.filter(({ name }) => points.some(({ algorithm }) => algorithm === name));
  const domain = shown.map(({ name }) => name);
  const settings = [...new Set(points.map(({ setting }) => setting))];
  const panelOf = ({ setting }) => settings.indexOf(setting);
  const panels = { fx: (d) => panelOf(d) % COLUMNS, fy: (d) => Math.floor(panelOf(d) / COLUMNS) };
  const medians = d3
    .flatRollup(
      points,
      (seeds) => ({ tokens: d3.median(seeds, (d) => d.tokens), percent: d3.median(seeds, (d) => d.percent) }),
      ...['setting', 'algorithm', 'budget'].map((key) => (point) => point[key]),
    )
    .map(([setting, algorithm, , median]) => ({ setting, algorithm, ...median }))
    .sort((a, b) => a.tokens - b.tokens);
  const plot = Plot.plot({
    width: 60 + 340 * COLUMNS,
    height: 70 + 210 * Math.ceil(settings.length / COLUMNS),
    marginLeft: 50,
    subtitle:
      "Held-out perplexity in percent of YaRN's (attention factor 1), seven test books; a dot is one search, lines join medians",
    marginBottom: 45,
    style: { fontSize: '13px', background: 'transparent', overflow: 'visible' },
    fx: { axis: null },
    fy: { axis: null },
    x: {
      type: 'log',
      domain: [1e4, 2e7],
      label: 'million model tokens →',
      ticks: [1e4, 1e5, 1e6, 1e7],
      tickFormat: (tokens) => tokens / 1e6,
    },
    y: { domain: [72, 124], clamp: true, label: null, grid: true },
    symbol: { domain, range: shown.map(({ symbol }) => symbol), legend: true },
    color: { domain, range: shown.map(({ colour }) => `var(${colour})`) },
    marks: [
      Plot.frame({ stroke: 'var(--line)' }),
      Plot.ruleY([100], { stroke: 'var(--rule)', strokeDasharray: '4 3' }),
      Plot.text(
        settings.map((setting) => ({ setting })),
        {
          ...panels,
          text: 'setting',
          frameAnchor: 'top-left',
          dx: 8,
          dy: 8,
          fontWeight: 600,
          fill: 'var(--ink)',
        },
      ),
      ...domain.flatMap((name) => {
        const of = (list) => list.filter(({ algorithm }) => algorithm === name);
        const channels = { x: 'tokens', y: 'percent', stroke: 'algorithm', ...panels };
        return [
          Plot.line(of(medians), { ...channels, strokeWidth: name === 'auto' ? 3 : 1.75 }),
          Plot.dot(of(points), { ...channels, symbol: 'algorithm', r: 3.5 }),
        ];
      }),
    ],
  });
  document.querySelector('#plot').append(plot);
}
