import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.js';
import { type ReportView, reportViewSchema } from './view-model.js';

const TITLE = '<title>longrope report</title>';
const DATA = '<script type="application/json" id="report-data"></script>';

/**
 * One self-contained page: the built template (`dist/web/report.html`, script and style inside) with the view as JSON in it.
 * The page makes no request; its content security policy forbids every one.
 * @throws UserError `resource` when the page was not built
 */
export function renderHtml(view: ReportView): string {
  return fillTemplate(readTemplate(templatePath()), view);
}

/** Puts a view into a template. Exported for tests that bring their own template. */
export function fillTemplate(template: string, view: ReportView): string {
  const data = escapeJson(JSON.stringify(reportViewSchema.parse(view)));
  let page = template;
  for (const [slot, content] of [
    [TITLE, `<title>${escapeText(view.title)}</title>`],
    [DATA, DATA.replace('><', () => `>${data}<`)],
  ] as const) {
    if (page.split(slot).length !== 2) throw new Error(`the report template must hold exactly one ${slot}`);
    // A function, because `$&` in a string replacement would be expanded.
    page = page.replace(slot, () => content);
  }
  return page;
}

/** Inside a script element only `</script` and `<!--` are special, and both begin with `<`. */
function escapeJson(json: string): string {
  return json.replaceAll('<', '\\u003c');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** Resolved through the package's own name, so that it is the same file from `src/` under vitest and from `dist/`. */
function templatePath(): string {
  return join(dirname(createRequire(import.meta.url).resolve('longrope/package.json')), 'dist', 'web', 'report.html');
}

function readTemplate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UserError(
      'resource',
      { where: path, expected: 'the built report page', found: 'no readable file', fix: 'run `npm run build`' },
      { cause },
    );
  }
}
