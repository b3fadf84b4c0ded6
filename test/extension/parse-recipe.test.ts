import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { parseRecipe } from '../../src/extension/index.js';

const GOOD = `format: longrope-recipe/1
model: models/tiny
texts:
  books: { paths: [books], samples: 2 }
  train: { paths: [books] }
stages:
  - stage: search
    name: s8
    target: 2k
    texts: books
  - stage: finetune
    name: tuned
    factors: s8
    texts: train
    hyperparameters: { max_steps: 4, max_seq_length: 2k, learning_rate: 1e-4 }
  - stage: search
    name: s16
    model: tuned
    target: 4096
    texts: books
    over: s8
    lengths: [4k, 256]
    length_weights: [2, 1]
  - stage: readjust
    name: sets
    model: tuned
    lengths: [256, 512]
    texts: books
    with: [s16]
    max_factor: 4
    pull: 0.01
  - stage: evaluate
    name: results
    model: tuned
    rope: [sets, s8, yarn@1, none]
    perplexity: { texts: books, lengths: [256, 4k] }
  - stage: export
    name: folder
    model: tuned
    sets: sets
`;

function problemsOf(text: string): string[] {
  try {
    parseRecipe(text, 'r.yaml');
  } catch (error) {
    if (error instanceof UserError) return error.message.split('\n');
    throw error;
  }
  throw new Error('accepted');
}
const edited = (...edits: readonly (readonly [string, string])[]) =>
  edits.reduce((text, [from, to]) => {
    expect(text).toContain(from);
    return text.replace(from, to);
  }, GOOD);

describe('a recipe', () => {
  test('is read with lengths in tokens and its defaults', () => {
    const recipe = parseRecipe(GOOD, 'r.yaml');
    expect(recipe.stages[0]).toMatchObject({ model: 'base', target: 2048, budget: '700evals', algorithm: 'cma-es' });
    expect(recipe.stages[1]).toMatchObject({ where: 'here', mixed_windows: true });
    expect(recipe.stages[2]).toMatchObject({ lengths: [4096, 256] });
  });

  test('may say what its searches minimise', () => {
    const text = edited(
      [
        'target: 2k',
        'target: 2k\n    objective: { perplexity: 1, needle: 0.5, longppl: 0.5 }\n    needle_depths: [0, 50]\n    judge: base\n    short_limit: 2\n    start_tokens: [0, 4]',
      ],
      ['factors: s8', 'factors: "yarn:8"'],
      ['    over: s8\n', ''],
    );
    expect(parseRecipe(text, 'r.yaml').stages[0]).toMatchObject({
      objective: { perplexity: 1, needle: 0.5, longppl: 0.5 },
      needle_depths: [0, 50],
      judge: 'base',
      short_limit: 2,
      start_tokens: [0, 4],
    });
    const wrong = edited([
      'target: 2k',
      'target: 2k\n    objective: { longppl: 1 }\n    needle_depths: [5]\n    judge: books\n    short_limit: 2\n    racing: { blok: 2 }\n    algorithm: gradient',
    ]).replace('pull: 0.01', 'objective: {}');
    expect(problemsOf(wrong)).toEqual([
      'r.yaml, line 12, stages.0.judge: expected model of an earlier stage (base), found "books"',
      'r.yaml, line 14, stages.0.racing: expected an algorithm that compares a population, found gradient',
      'r.yaml, line 11, stages.0.needle_depths: expected needle in the objective, found longppl',
      'r.yaml, line 13, stages.0.short_limit: expected no racing, whose parts cannot decide it, found both',
      'r.yaml, line 37, stages.3.objective: expected at least one of perplexity, needle, longppl, found none',
      expect.stringMatching(/^r.yaml, line 14, stages.0.racing: .*did you mean "block"\?$/),
    ]);
    expect(problemsOf(edited(['target: 2k', 'target: 2k\n    objective: { needles: 1 }']))[0]).toMatch(
      /line 10, stages.0.objective.needles: expected one of the keys perplexity, needle, longppl, found an unknown key; did you mean needle\?/,
    );
  });

  test('is refused with all that is wrong in its values, each with its line', () => {
    const text = edited(
      ['samples: 2', 'sample: 2'],
      ['target: 2k', 'target: 2kb\n    targets: 3'],
      ['max_steps: 4', 'max_step: 4'],
      ['max_factor: 4', 'max_factor: 0.5'],
      ['stage: export', 'stage: exports'],
    );
    expect(problemsOf(text)).toEqual([
      'r.yaml, line 4, texts.books.sample: expected one of the keys paths, samples, skip_characters, text_field, found an unknown key; did you mean samples?',
      'r.yaml, line 9, stages.0.target: expected a number of tokens such as 4096 or 4k, found "2kb"',
      expect.stringMatching(
        /^r.yaml, line 10, stages.0.targets: expected one of the keys stage, name, .*did you mean target\?$/,
      ),
      'r.yaml, line 16, stages.1.hyperparameters.max_steps: expected a positive whole number, found nothing',
      expect.stringMatching(/^r.yaml, line 16, stages.1.hyperparameters.max_step: .*did you mean max_steps\?$/),
      'r.yaml, line 31, stages.3.max_factor: expected a number above 1, found 0.5',
      'r.yaml, line 38, stages.5.stage: expected a stage: search, finetune, readjust, evaluate, export, found "exports"',
    ]);
  });

  test('is refused with lengths of no token, however they are written', () => {
    const text = edited(
      ['max_seq_length: 2k', 'max_seq_length: 0k'],
      ['target: 4096', 'target: 1'],
      ['perplexity: { texts: books, lengths: [256, 4k] }', 'perplexity: { texts: books, lengths: [00k, 4k] }'],
    );
    expect(problemsOf(text)).toEqual([
      'r.yaml, line 15, stages.1.hyperparameters.max_seq_length: expected a number of tokens such as 4096 or 4k, found "0k"',
      'r.yaml, line 19, stages.2.target: expected a number of tokens such as 4096 or 4k, found 1',
      'r.yaml, line 36, stages.4.perplexity.lengths.0: expected a number of tokens such as 4096 or 4k, found "00k"',
    ]);
  });

  test('is refused with aliases of nothing or of too much', () => {
    expect(problemsOf(edited(['target: 2k', 'target: *no']))).toEqual([
      expect.stringMatching(/^r.yaml: expected YAML whose aliases .*, found .*no/),
    ]);
    expect(problemsOf('model: &m [*m]')).toEqual([expect.stringMatching(/^r.yaml: expected YAML whose aliases/)]);
    const bomb = Array.from({ length: 9 }, (_, i) => `a${i}: &a${i} [${Array(9).fill(i === 0 ? 'x' : `*a${i - 1}`)}]`);
    expect(problemsOf(bomb.join('\n'))).toEqual([expect.stringMatching(/^r.yaml: expected YAML whose aliases/)]);
  });

  test('is refused with what no stage could do', () => {
    const text = edited(
      ['target: 2k', 'target: 2k\n    start_tokens: [4]'],
      ['rope: [sets, s8, yarn@1, none]', 'rope: [sets, s8, none, none]'],
      ['pull: 0.01', 'pull: 0.01\n    hyperparameters: { attention_factor: 1.2 }'],
    );
    const found = problemsOf(text).map((problem) => problem.replace(/^.*, stages/, 'stages'));
    expect(found).toEqual([
      'stages.1.factors: expected factors without start tokens, which no engine and no training has, found s8, with start_tokens: [4]',
      'stages.3.hyperparameters.attention_factor: expected attention: own beside it, as shared is that of the longest set, found attention: shared',
      'stages.4.rope: expected every name and method once, found one twice',
      'stages.5.sets: expected factors without start tokens, which no engine and no training has, found s8, with start_tokens: [4]',
    ]);
  });

  test('is refused with a length or a task twice, which a run computes once', () => {
    const text = edited(
      ['lengths: [4k, 256]', 'lengths: [4k, 4096]'],
      ['lengths: [256, 512]', 'lengths: [256, 256]'],
      [
        'perplexity: { texts: books, lengths: [256, 4k] }',
        'perplexity: { texts: books, lengths: [1k, 1024] }\n    passkey: { lengths: [256, 256] }\n    ruler: { lengths: [4k, 4k], tasks: [vt, vt] }',
      ],
    );
    expect(problemsOf(text).map((problem) => problem.replace(/^.*, stages/, 'stages'))).toEqual([
      'stages.2.lengths: expected every length once, found ["4k",4096]',
      'stages.3.lengths: expected every length once, found [256,256]',
      'stages.4.perplexity.lengths: expected every length once, found ["1k",1024]',
      'stages.4.passkey.lengths: expected every length once, found [256,256]',
      'stages.4.ruler.lengths: expected every length once, found ["4k","4k"]',
      'stages.4.ruler.tasks: expected every task once, found ["vt","vt"]',
    ]);
  });

  test('is refused where a training or an export would be of factors that may have start tokens', () => {
    const longrope = ['target: 2k', 'target: 2k\n    algorithm: longrope'] as const;
    const searched = 'found s8, whose algorithm longrope searches them; give s8 hyperparameters: { start_tokens: 0 }';
    expect(
      problemsOf(edited(longrope)).map((problem) => problem.replace(/^.*, (stages[^:]*):.*(found)/, '$1: $2')),
    ).toEqual([
      `stages.1.factors: ${searched}`,
      // s16 multiplies them, and the sets are of both.
      `stages.5.sets: ${searched}`,
    ]);
    for (const without of ['hyperparameters: { start_tokens: 0 }', 'start_tokens: [0]'])
      expect(parseRecipe(edited([longrope[0], `${longrope[1]}\n    ${without}`]), 'r.yaml').stages).toHaveLength(6);
    const short = edited(['pull: 0.01', 'algorithm: longrope']);
    expect(problemsOf(short).join()).toMatch(/stages.5.sets: .*found sets, whose algorithm longrope searches them/);
  });

  test('of a training elsewhere is refused with what no file of its trainer says, or says otherwise', () => {
    const elsewhere = (engine: string, keys: string, hyperparameters: string) =>
      edited(
        ['texts: train', `texts: train\n    where: elsewhere\n    engine: ${engine}${keys}`],
        ['learning_rate: 1e-4', hyperparameters],
      );
    const refused = (text: string) =>
      problemsOf(text).map((problem) => problem.replace(/^.*, stages.1.(\S+): expected (.+?), as .*found/, '$1 $2'));
    expect(
      refused(
        elsewhere(
          'hf-trainer',
          '\n    mixed_windows: true\n    held_out: train',
          'optim: muon, short_windows: 0.2, position_skipping: 4k, count_skipped: true, lora_r: 4, eval_lengths: [2k]',
        ),
      ),
    ).toEqual([
      'mixed_windows false true; leave it out, or train with where: here',
      'held_out nothing "train"; leave it out, or train with where: here',
      'hyperparameters.optim adamw "muon"; leave it out, or train with where: here',
      'hyperparameters.short_windows 0 0.2; leave it out, or train with where: here',
      'hyperparameters.position_skipping nothing "4k"; leave it out, or train with where: here',
      'hyperparameters.count_skipped false true; leave it out, or train with where: here',
      'hyperparameters.lora_r nothing 4; leave it out, or train with where: here',
      'hyperparameters.eval_lengths nothing ["2k"]; leave it out, or train with where: here',
    ]);
    expect(refused(elsewhere('nnscaler', '\n    mixed_windows: false', 'learning_rate: 1e-4, seed: 7'))).toEqual([
      'mixed_windows true false; leave it out, or train with where: here',
      'hyperparameters.learning_rate 0.00002 0.0001; leave it out, or train with where: here',
      'hyperparameters.seed nothing 7; leave it out, or train with where: here',
    ]);
    const asItIs = elsewhere('nnscaler', '\n    mixed_windows: true', 'learning_rate: 2e-5, lr_scheduler_type: cosine');
    expect(parseRecipe(asItIs, 'r.yaml').stages).toHaveLength(6);
    const all =
      'learning_rate: 1e-4, lr_scheduler_type: cosine, adam_beta2: 0.9, weight_decay: 0.1, seed: 7, save_steps: 5';
    expect(parseRecipe(elsewhere('llama-factory', '', all), 'r.yaml').stages).toHaveLength(6);
  });

  test('of a training here is refused with what is of one elsewhere, or of another optimiser', () => {
    const text = edited(
      ['texts: train', 'texts: train\n    engine: axolotl\n    gpus: 2'],
      ['learning_rate: 1e-4', 'muon_momentum: 0.9'],
    );
    expect(problemsOf(text)).toEqual([
      'r.yaml, line 15, stages.1.engine: expected where: elsewhere beside it, of which it is, found a training here',
      'r.yaml, line 16, stages.1.gpus: expected where: elsewhere beside it, of which it is, found a training here',
      'r.yaml, line 17, stages.1.hyperparameters.muon_momentum: expected optim: muon beside it, of which it is, found adamw',
    ]);
    const muon = edited(['learning_rate: 1e-4', 'optim: muon, muon_momentum: 0.9']);
    expect(parseRecipe(muon, 'r.yaml').stages).toHaveLength(6);
  });

  test('is refused where a released search is to start from factors', () => {
    const text = edited(['target: 2k', 'target: 2k\n    algorithm: dim-mono\n    start: [published]']);
    expect(problemsOf(text).join()).toMatch(
      /stages.0.start: expected an algorithm that starts from given factors.*, found dim-mono/,
    );
  });

  test('is refused with every name that means nothing, something later, or another kind of thing', () => {
    const text = edited(
      ['factors: s8', 'factors: s16'],
      ['model: tuned\n    target', 'model: s8\n    target'],
      ['rope: [sets, s8, yarn@1, none]', 'rope: [sets, s9, yarn@1, yran, tuned]'],
      ['name: folder', 'name: sets'],
      ['length_weights: [2, 1]', 'length_weights: [2]\n    budget: "30"'],
    );
    const found = problemsOf(text);
    expect(found.map((problem) => problem.replace(/: expected .*?, found /, ' | '))).toEqual([
      'r.yaml, line 13, stages.1.factors | "s16"; did you mean "s8"?',
      'r.yaml, line 18, stages.2.model | "s8", which is factors',
      'r.yaml, line 23, stages.2.length_weights | 1',
      'r.yaml, line 36, stages.4.rope.1 | "s9"; did you mean "s8"?',
      'r.yaml, line 36, stages.4.rope.3 | "yran"; did you mean "yarn"?',
      'r.yaml, line 36, stages.4.rope.4 | "tuned", which is model',
      'r.yaml, line 39, stages.5.name | sets, a name that is taken',
      expect.stringMatching(/^r.yaml, line 24, stages.2.budget \| "30"/),
    ]);
  });

  test('is refused where keys do not go together', () => {
    const text = edited(
      ['texts: train', 'texts: books'],
      ['max_steps: 4', 'max_steps: 4, count_skipped: true'],
      ['with: [s16]', 'with: [s16]\n    attention: own\n    algorithm: dim-mono'],
      ['perplexity: { texts: books, lengths: [256, 4k] }', 'model: tuned'],
      ['rope: [sets, s8, yarn@1, none]\n    model: tuned', 'rope: [s8]'],
    );
    expect(problemsOf(text).map((problem) => problem.replace(/: expected .*?, found /, ' | '))).toEqual([
      'r.yaml, line 15, stages.1.hyperparameters.count_skipped | none',
      'r.yaml, line 14, stages.1.texts | books, with samples or skip_characters; name its paths once more without them',
      'r.yaml, line 31, stages.3.algorithm | dim-mono',
      'r.yaml, line 34, stages.4 | none of them',
      'r.yaml, line 41, stages.5.sets | sets, with attention: own',
    ]);
  });

  test('that is no YAML, or has a key twice, names the line', () => {
    expect(problemsOf('format: [')[0]).toMatch(/^r.yaml, line 1: expected YAML/);
    expect(problemsOf(`${GOOD}model: other\n`)[0]).toMatch(/^r.yaml, line 41: expected YAML/);
    expect(problemsOf('')[0]).toBe('r.yaml, line 1: expected a recipe, found null');
  });
});
