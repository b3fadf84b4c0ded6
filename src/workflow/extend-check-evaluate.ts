import { passkeyTask, RULER_TASKS, type SyntheticTask, type Tokenizer } from '../corpus/index.js';
import { isRopeMethod, parseRopeMethod } from '../evaluation/index.js';
import type { StageOf } from '../extension/index.js';
import type { DecoderSpec } from '../model/index.js';
import type { Check } from './extend-check.js';
import { openHaystack } from './haystacks.js';
import { CHECKED_LENGTH, checkRows } from './synthetic-rows.js';

type Evaluate = StageOf<'evaluate'>;

/** `tokenizer` null: a dry run on a model without. `allRows`: not only the first of each task and length, which takes a minute for some. */
export function evaluateChecks(
  stage: Evaluate,
  { rope }: DecoderSpec,
  { tokenizer, allRows }: { readonly tokenizer: Tokenizer | null; readonly allRows: boolean },
): Check[] {
  const methods = stage.rope.filter(isRopeMethod).map(
    (method): Check =>
      async () =>
        void (await parseRopeMethod(method, rope)),
  );
  return tokenizer === null ? methods : [...methods, ...rowChecks(stage, tokenizer, allRows)];
}

/** Rows too short for what is asked in them; long ones have room for every question. */
function rowChecks({ passkey, ruler }: Evaluate, tokenizer: Tokenizer, allRows: boolean): Check[] {
  const check =
    (
      { lengths, trials, seed }: NonNullable<Evaluate['passkey']>,
      tasks: readonly SyntheticTask[],
      haystack: string,
    ): Check =>
    async () => {
      const short = lengths.filter((length) => length <= CHECKED_LENGTH);
      if (short.length === 0) return;
      const { haystack: opened } = await openHaystack(haystack, tokenizer, true);
      checkRows({ tokenizer, tasks, lengths: short, trials: allRows ? trials : 1, seed, haystack: opened });
    };
  return [
    ...(passkey === undefined ? [] : [check(passkey, [passkeyTask('paper')], 'sentences')]),
    ...(ruler === undefined
      ? []
      : [
          check(
            { ...ruler, trials: ruler.samples },
            RULER_TASKS.filter(({ name }) => ruler.tasks?.includes(name) ?? true),
            'moby-dick',
          ),
        ]),
  ];
}
