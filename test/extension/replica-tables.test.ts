import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PROJECT } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';

test('the tables of a run that trained elsewhere, has no finite perplexity and was killed while it wrote', async () => {
  const run = await temporaryFolder();
  await mkdir(path.join(run, 'stages'));
  const records = [
    { name: 'away', stage: 'finetune', figures: { trained: 'axolotl', checkpoint: 'c' } },
    { name: 'here', stage: 'finetune', figures: { steps: 3, tokens: 1536, loss: 2.5 } },
    {
      name: 'to-16k',
      stage: 'evaluate',
      figures: { perplexity: [{ method: 'none', length: 512, perplexity: null }] },
    },
  ];
  for (const record of records)
    await writeFile(path.join(run, 'stages', `${record.name}.json`), JSON.stringify(record));
  const lines = records.map(
    ({ name: stage }) => `${JSON.stringify({ entry: { type: 'done', stage, record: 'r' } })}\n`,
  );
  await writeFile(path.join(run, 'journal.jsonl'), `${lines.join('')}{"entry":{"type":"do`);
  const { stdout } = await promisify(execFile)(process.execPath, [
    path.join(PROJECT, 'scripts/replica-tables.js'),
    run,
  ]);
  expect(stdout).toContain('| away | by axolotl |  |  |');
  expect(stdout).toContain('| here | 3 | 1,536 | 2.500 |');
  expect(stdout).toContain('| none | not finite |');
});
