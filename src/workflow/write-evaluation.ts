import type { EvaluationRecord } from '../evaluation/index.js';
import { evaluationReport, renderHtml } from '../report/index.js';
import { writeFileAtomic } from '../run/index.js';
import { RESULT_NAME } from './read-records.js';

/** What every run folder of an evaluation ends with: the record and its page. `file` places a name in the folder. */
export async function writeEvaluation(file: (name: string) => string, record: EvaluationRecord): Promise<void> {
  await writeFileAtomic(file(RESULT_NAME), `${JSON.stringify(record, null, 2)}\n`);
  await writeFileAtomic(file('report.html'), renderHtml(evaluationReport([{ path: file(RESULT_NAME), record }])));
}
