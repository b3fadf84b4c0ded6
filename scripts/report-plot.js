// Photographs the plots of a report that tell its story (factors of a search, perplexity), light and dark, for README and docs.
// node scripts/report-plot.js REPORT.html docs/images/demo   writes docs/images/demo-light.png and docs/images/demo-dark.png
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [report, prefix] = process.argv.slice(2);
const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
if (report === undefined || prefix === undefined || !existsSync(report) || !existsSync(executablePath)) {
  console.error('usage: node scripts/report-plot.js REPORT.html PREFIX   (needs Chromium, see CHROMIUM_PATH)');
  process.exit(2);
}

// The charts side by side under their headings; everything else of the page is put away.
const LAYOUT = `
  #page { max-width: none; padding: 1.25rem 1.5rem; }
  main { display: grid; grid-template-columns: repeat(auto-fit, minmax(28rem, 1fr)); gap: 2rem; }
  main > section { min-width: 0; }
  header, footer, .skip, .methods, .lead, .note, .scroll, .comparisons, details,
  main > section:not(:has(> #factors, > #perplexity)) { display: none; }
  h2 { margin-top: 0; }`;

const profile = mkdtempSync(join(tmpdir(), 'longrope-plot-'));
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  deviceScaleFactor: 2,
  viewport: { width: 1240, height: 480 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});
try {
  mkdirSync(dirname(resolve(prefix)), { recursive: true });
  const page = await context.newPage();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.goto(pathToFileURL(resolve(report)).href);
    await page.addStyleTag({ content: LAYOUT });
    await page.locator('.end-labels').first().waitFor();
    // Two frames: one for the new widths, one for the plots redrawn at them.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await page.locator('#page').screenshot({ path: `${prefix}-${colorScheme}.png` });
  }
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
