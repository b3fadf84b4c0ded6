import { UserError } from '../errors.js';
import { type ReportView, reportViewSchema } from './view-model.js';

/** The machine-readable twin of the page, newline at the end. Throws on a view that breaks its own contract: that is a bug. */
export function renderJson(view: ReportView): string {
  return `${JSON.stringify(reportViewSchema.parse(view), null, 2)}\n`;
}

/**
 * Reads a report written by `renderJson`.
 * @param where name of the file, for the message
 * @throws UserError `input` with every problem found
 */
export function parseReport(text: string, where: string): ReportView {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(
      'input',
      { where, expected: 'a report in JSON', found: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    );
  }
  const result = reportViewSchema.safeParse(value);
  if (result.success) return result.data;
  throw new UserError(
    'input',
    result.error.issues.map((issue) => ({
      where: [where, ...issue.path.map(String)].join(' > '),
      expected: 'a longrope-report/1',
      found: issue.message,
      fix: 'use the report.json this version of longrope wrote',
    })),
  );
}
