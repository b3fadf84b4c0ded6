import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { fillTemplate } from '../../src/report/html.js';
import type { ReportView } from '../../src/report/index.js';
import { longrope, PROJECT } from '../helpers/cli.js';
import { launchChromium } from './chromium.js';

export interface Situation {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

/** What a test does with a page. `complaints`: what it said or asked for besides its own file; must be empty in the end. */
export type Look = (page: Page, complaints: string[]) => Promise<void>;

/** Call once in a test file: gives it a browser, and a function that opens the page of a view in it. */
export function reportPages(): (view: ReportView, situation: Situation, look: Look) => Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'longrope-report-'));
  let template: string;
  let context: BrowserContext;
  let complaints: string[] = [];

  beforeAll(async () => {
    template = await builtPage();
    context = await launchChromium(join(scratch, 'profile'));
    context.on('console', (message) => complaints.push(`console ${message.type()}: ${message.text()}`));
    context.on('weberror', ({ error }) => complaints.push(`error: ${String(error())}`));
    context.on('request', (request) => {
      if (!request.url().startsWith(pathToFileURL(scratch).href)) complaints.push(`request: ${request.url()}`);
    });
  }, 60_000);

  afterAll(async () => {
    await context?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  return async (view, { width = 1280, colorScheme = 'light' }, look) => {
    complaints = [];
    const file = join(scratch, 'report.html');
    writeFileSync(file, fillTemplate(template, view));
    const page = await context.newPage();
    try {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      await page.goto(pathToFileURL(file).href);
      await page.locator('h1').waitFor();
      await look(page, complaints);
      expect(complaints).toEqual([]);
    } finally {
      await page.close();
    }
  };
}

/** Pixels by which the page is wider than its window. */
export async function overflow(page: Page): Promise<number> {
  return Number(await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'));
}

/** The page of the build, which the launcher makes anew only if the sources changed: once for all test files of a run. */
async function builtPage(): Promise<string> {
  expect((await longrope(['--version'])).code).toBe(0);
  return readFileSync(join(PROJECT, 'dist/web/report.html'), 'utf8');
}
