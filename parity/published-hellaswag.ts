import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** What the cleaned copy in `../shared` no longer has: the published files keep two parts of a context and WikiHow's marks. */
const CONTEXTS: readonly (readonly [string, string])[] = [
  ['A man is sitting on a roof.', 'he'],
  ['[header] How to tie a knot [title] Take a rope. [step] Any rope of Hemp will do.', ''],
  ['  Two blanks  and   three stand here.', 'the NASA Engineer'],
  ['A bracket [that holds\na line break] stays, [this one] goes.', ''],
  ['[substeps] First. [title]Second. [title] [title] Third.', 'ßtreet'],
  ['Greek follows.', 'σοφΟΣ Σ ΑΣ'],
  ['Digraphs follow.', 'ǆungla ǅ Ǉ'],
  ['An apostrophe and n.', 'ŉ WAS'],
  ['A Turkish capital.', 'İstanbul I'],
  ['A ligature.', 'ﬁRE ﬀ'],
  ['Separators \u2028 and \u0085 stand inside.', '\u00a0blank FIRST'],
  ['An emoji \u{1F600} in front.', '\u{1F600}ABC'],
  ['Deseret.', '\u{10428}\u{10400}'],
];

const ENDINGS = [
  'goes home. [step] Then [title] SLEEPS  .',
  ' [header] is  left alone. ',
  'sees a [bracket',
  'says "é\u0301 ﬀ" twice.\u2003',
];

export const PUBLISHED_QUESTIONS = 40;
/** Both sides take the last 100 as examples where there is no training file. */
const BORROWED = 100;

/** Writes `hellaswag_val.jsonl` in the columns of rowanz/hellaswag into `data/hellaswag`. */
export async function writePublishedHellaswag(data: string): Promise<void> {
  const rows = Array.from({ length: PUBLISHED_QUESTIONS + BORROWED }, (_, index) => {
    const [first, second] = CONTEXTS[index % CONTEXTS.length] as readonly [string, string];
    const turn = index % ENDINGS.length;
    return {
      ind: index,
      activity_label: index % 3 === 0 ? `Work [${index}] and  Travel` : 'Sailing',
      ctx_a: `${first} ${index}`,
      ctx_b: second,
      // The published rows have it beside its parts, without the capital.
      ctx: `${first} ${index} ${second}`,
      endings: [...ENDINGS.slice(turn), ...ENDINGS.slice(0, turn)],
      label: (index * 7) % ENDINGS.length,
    };
  });
  await mkdir(path.join(data, 'hellaswag'), { recursive: true });
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`);
  await writeFile(path.join(data, 'hellaswag/hellaswag_val.jsonl'), lines.join(''));
}
