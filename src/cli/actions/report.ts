import { renderJson, renderTerminal } from '../../report/index.js';
import { makeReport } from '../../workflow/report.js';
import type { ReportFlags } from '../commands/report.js';

export async function runReport(
  inputs: readonly string[],
  { out, title, reference, json }: ReportFlags,
): Promise<void> {
  const view = await makeReport({
    inputs,
    ...(out !== undefined && { out }),
    ...(title !== undefined && { title }),
    ...(reference !== undefined && { reference }),
  });
  const written = out === undefined ? '' : `\nwritten: ${out}\n`;
  process.stdout.write(
    json ? renderJson(view) : `${renderTerminal(view, { colour: process.stdout.isTTY === true })}\n${written}`,
  );
}
