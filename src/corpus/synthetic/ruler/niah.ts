import { Draws, nameKey } from '../draws.js';
import { fitPrompt } from '../fit-prompt.js';
import { FILLER, inserted, placesAt, sentencesBefore, sentencesFrom } from '../haystack.js';
import { maxSentences } from '../needle.js';
import type { RowRequest, SyntheticTask } from '../row.js';
import { digits, uuid, wordPair } from '../words.js';

type Kind = 'words' | 'numbers' | 'uuids';

/** One needle task of RULER. */
export interface NiahSettings {
  readonly name: string;
  /** noise: the repeated sentences; essay: the given text; needle: more needles of the same form. */
  readonly haystack: 'noise' | 'essay' | 'needle';
  readonly key: Kind;
  readonly value: 'numbers' | 'uuids';
  readonly keys: number;
  /** Per key. */
  readonly values: number;
  /** Keys asked for. */
  readonly queries: number;
}

/** What RULER keeps free for an answer. */
const RULER_ANSWER_TOKENS = 128;
const SHORT_LENGTH = 4096;
/** Characters and a few to spare: no tokenizer needs more tokens, and in a short length 128 would crowd out the text. */
const SHORT_VALUE_TOKENS = { numbers: 12, uuids: 44 } as const;

/** RULER draws places from 40 depths that are even over the text. */
const DEPTHS = Array.from({ length: 40 }, (_, i) => Math.round((100 * i) / 39) / 100);

export function niahTask(settings: NiahSettings): SyntheticTask {
  const answers = settings.queries * settings.values;
  const answerTokens = (length: number) =>
    length >= SHORT_LENGTH ? RULER_ANSWER_TOKENS : answers * SHORT_VALUE_TOKENS[settings.value] + 12;
  return {
    name: settings.name,
    answerTokens,
    row: (request) => niahRow(settings, request, answerTokens(request.length)),
  };
}

function niahRow(
  settings: NiahSettings,
  { tokenizer, length, seed, trial, haystack }: RowRequest,
  answerTokens: number,
) {
  const keys = [seed, nameKey(settings.name), length, trial];
  const draws = new Draws(keys);
  const names = draws.distinct(settings.keys, () => drawn(draws, settings.key));
  const values = draws.distinct(settings.keys * settings.values, () => drawn(draws, settings.value));
  const needles = values.map((value, i) => needle(settings, names[Math.floor(i / settings.values)] as string, value));
  const queried = draws.shuffled(names.map((_, i) => i)).slice(0, settings.queries);
  const expected = queried.flatMap((i) => values.slice(i * settings.values, (i + 1) * settings.values));
  const depths =
    settings.haystack === 'essay'
      ? draws.shuffled(DEPTHS).slice(0, needles.length)
      : needles.map(() => draws.uniform());
  const start = draws.integer(haystack.sentences.length);
  const text = template(
    settings,
    queried.map((i) => names[i] as string),
  );
  const hay = settings.haystack === 'essay' ? essay() : lines();
  const { ids, units } = fitPrompt(tokenizer, length, answerTokens, {
    ...hay,
    render: (count, pad) => text(hay.render(count, pad)),
  });
  const first = Math.min(...hay.places(units).slice(0, needles.length));
  return { id: `${trial}`, promptIds: ids, answerTokens, expected, depth: units === 0 ? 0 : first / units };

  function essay() {
    const places = (units: number) => placesAt(haystack, start, units, depths);
    return {
      places,
      render: (units: number, pad: string) => {
        const where = places(units);
        const texts = needles.map((needleText, i) => ({ text: needleText, place: where[i] as number }));
        return [...(pad === '' ? [] : [pad]), ...inserted(sentencesFrom(haystack, start, units), texts)].join(' ');
      },
      minUnits: 0,
      maxUnits: maxSentences(haystack),
      padding: (units: number) => sentencesBefore(haystack, start, units).join(' '),
    };
  }

  function lines() {
    const distractors = settings.haystack === 'needle' ? distractorsOf(settings, keys, names, values) : () => FILLER;
    const places = (units: number) => depths.map((depth) => Math.floor(depth * (units + 1)));
    return {
      places,
      render: (units: number, pad: string) => {
        const where = places(units);
        const texts = needles.map((needleText, i) => ({ text: needleText, place: where[i] as number }));
        const hidden = inserted(
          Array.from({ length: units }, (_, i) => distractors(i)),
          texts,
        );
        return [...(pad === '' ? [] : [pad]), ...hidden].join('\n');
      },
      minUnits: 0,
      maxUnits: Number.POSITIVE_INFINITY,
      padding: (units: number) => Array.from({ length: units }, () => FILLER).join(' '),
    };
  }
}

/** Needles with other keys and other values, always the same ones in the same order. */
function distractorsOf(
  settings: NiahSettings,
  keys: readonly number[],
  names: readonly string[],
  values: readonly string[],
): (index: number) => string {
  const draws = new Draws([...keys, nameKey('distractors')]);
  const other = (kind: Kind, taken: readonly string[]) => {
    for (;;) {
      const text = drawn(draws, kind);
      if (!taken.includes(text)) return text;
    }
  };
  const made: string[] = [];
  return (index) => {
    while (made.length <= index) made.push(needle(settings, other(settings.key, names), other(settings.value, values)));
    return made[index] as string;
  };
}

function needle({ value }: NiahSettings, key: string, text: string): string {
  return `One of the special magic ${value} for ${key} is: ${text}.`;
}

/** RULER's question and the beginning of its answer; one wanted value makes it singular. */
function template({ value, queries, values }: NiahSettings, names: readonly string[]): (context: string) => string {
  const one = queries * values === 1;
  const magic = `special magic ${one ? value.slice(0, -1) : value}`;
  const named = names.length === 1 ? names[0] : `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`;
  const opening = one ? `A ${magic} is` : `Some ${magic} are`;
  return (context) =>
    `${opening} hidden within the following text. Make sure to memorize it. I will quiz you about the ${one ? value.slice(0, -1) : value} afterwards.\n` +
    `${context}\n` +
    `${one ? 'What is the' : 'What are all the'} ${magic} for ${named} mentioned in the provided text? ` +
    `The ${magic} for ${named} mentioned in the provided text ${one ? 'is' : 'are'}`;
}

function drawn(draws: Draws, kind: Kind): string {
  switch (kind) {
    case 'words':
      return wordPair(draws);
    case 'numbers':
      return digits(draws, 7);
    case 'uuids':
      return uuid(draws);
  }
}
