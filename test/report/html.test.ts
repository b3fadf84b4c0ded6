import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { fillTemplate, renderHtml } from '../../src/report/html.js';
import type { ReportView } from '../../src/report/index.js';
import { sampleView } from './sample-view.js';

const TEMPLATE = `<!doctype html><title>longrope report</title><div id="page"></div>
<script type="application/json" id="report-data"></script><script type="module">run()</script>`;

const HOSTILE = [
  '</script><script>alert(1)</script>',
  '<!--<script>',
  '</title><img src=x onerror=alert(1)>',
  "$& $1 $` $' $$",
  '<script type="application/json" id="report-data"></script>',
  '\u2028\u2029"\\',
];

function dataIn(page: string): unknown {
  const open = '<script type="application/json" id="report-data">';
  const start = page.indexOf(open) + open.length;
  return JSON.parse(page.slice(start, page.indexOf('</script>', start)));
}

function named(text: string): ReportView {
  return { ...sampleView, title: text, command: text, notes: [text] };
}

describe('HTML report', () => {
  it.each(HOSTILE)('carries %j as text', (text) => {
    const page = fillTemplate(TEMPLATE, named(text));
    expect(dataIn(page)).toEqual(named(text));
    expect(page.match(/<script/g)).toHaveLength(2);
    expect(page).not.toContain('<img');
  });

  it('gives back any text byte for byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const page = fillTemplate(TEMPLATE, named(text));
        expect(dataIn(page)).toEqual(named(text));
        expect(page.match(/<\/script>/g)).toHaveLength(2);
      }),
    );
  });

  it('refuses a template without its slots', () => {
    expect(() => fillTemplate('<html></html>', sampleView)).toThrow('exactly one <title>');
  });

  it('refuses a view that JSON would silently change', () => {
    const summary = [{ label: 'a', value: Number.NaN }] as unknown as ReportView['summary'];
    expect(() => fillTemplate(TEMPLATE, { ...sampleView, summary })).toThrow();
  });

  it('finds the built page from the sources, or says what to do', () => {
    const built = resolve('dist/web/report.html');
    if (existsSync(built)) {
      expect(dataIn(renderHtml(sampleView))).toEqual(sampleView);
      return;
    }
    expect(() => renderHtml(sampleView)).toThrow(UserError);
    expect(() => renderHtml(sampleView)).toThrow(`${built}: expected the built report page`);
  });
});
