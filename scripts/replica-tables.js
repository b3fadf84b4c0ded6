// The tables of docs/replica.md, as Markdown, from run folders of `longrope extend tiny-512x` and `tiny-512x-baselines`, whatever of
// them is done:   node scripts/replica-tables.js RUN [RUN...]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const runs = process.argv.slice(2);
if (runs.length === 0) {
  console.error('usage: node scripts/replica-tables.js RUN [RUN...]');
  process.exit(2);
}
const stages = runs.flatMap((run) => {
  // What is behind the last line feed was torn off when a run was killed.
  const journal = readFileSync(join(run, 'journal.jsonl'), 'utf8').split('\n').slice(0, -1);
  return journal
    .map((line) => JSON.parse(line).entry)
    .filter(({ type }) => type === 'done')
    .map(({ stage }) => JSON.parse(readFileSync(join(run, 'stages', `${stage}.json`), 'utf8')));
});
const of = (kind) => stages.filter(({ stage }) => stage === kind);

const exp = (loss) => (loss == null ? '' : Math.exp(loss).toFixed(2));
print(
  'Searches',
  ['stage', 'documents', 'tokens', 'attention factor', 'search set', 'held out', 'none', 'PI', 'NTK', 'YaRN'],
  [
    ...of('search').map(({ name, figures: { loss, attentionFactor, documents, tokens, heldOut = {} } }) => [
      ...[name, documents, tokens.toLocaleString('en'), attentionFactor.toFixed(3), exp(loss)],
      ...['searched', 'none', 'PI', 'NTK', 'YaRN'].map((method) => exp(heldOut[method])),
    ]),
    ...of('readjust').flatMap(({ name, figures }) =>
      Object.entries(figures).map(([length, { loss, attentionFactor, documents, tokens }]) => [
        ...[`${name}, ${length}`, documents, tokens.toLocaleString('en'), attentionFactor.toFixed(3), exp(loss)],
        ...['', '', '', '', ''],
      ]),
    ),
  ],
);
print(
  'Fine-tuning',
  ['stage', 'steps', 'tokens', 'last loss'],
  of('finetune').map(({ name, figures: { trained, steps, tokens, loss } }) => [
    name,
    trained === undefined ? steps : `by ${trained}`,
    tokens?.toLocaleString('en'),
    loss?.toFixed(3),
  ]),
);
byLength('Perplexity', 'perplexity', ({ perplexity }) => perplexity?.toFixed(2) ?? 'not finite');
byLength('Passkey', 'passkey', ({ found, of: trials }) => `${found} of ${trials}`);

/** A row per model and method, a column per length. */
function byLength(title, part, cell) {
  const rows = new Map();
  const lengths = new Set();
  for (const { name, figures } of of('evaluate'))
    for (const result of figures[part] ?? []) {
      const key = `${name.replace(/-?(to-.*|passkey-.*)$/, '')} ${result.method}`.trim();
      lengths.add(result.length);
      rows.set(key, { ...rows.get(key), [result.length]: cell(result) });
    }
  const columns = [...lengths].sort((a, b) => a - b);
  print(
    title,
    ['factors', ...columns.map((length) => length.toLocaleString('en'))],
    [...rows].map(([key, cells]) => [key, ...columns.map((length) => cells[length] ?? '')]),
  );
}

function print(title, head, rows) {
  if (rows.length === 0) return;
  const line = (cells) => `| ${cells.map((cell) => cell ?? '').join(' | ')} |`;
  console.log([`### ${title}`, '', line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n'));
}
