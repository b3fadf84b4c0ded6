import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTokenizer, readDataset, writeDataset } from '../../src/corpus/index.js';
import { describeProblem, UserError } from '../../src/errors.js';
import { loadModel, openSafetensors } from '../../src/model/index.js';
import { parseFactorFile } from '../../src/rope/factor-file.js';
import { inspectModel } from '../../src/workflow/inspect.js';
import { rejection } from '../helpers/rejection.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY_CONFIG, writeTinyCheckpoint } from '../helpers/tiny-checkpoint.js';
import { ggufBytes, llamaMetadata, type TypedValue } from '../helpers/write-gguf.js';

/** What fuzzing and the reading that went with it found, in the smallest form. All of it ended in a stack trace, a hang or wrong data. */

const DEEP = '['.repeat(20_000) + ']'.repeat(20_000);
const UNPRINTABLE = '{"toString":1,"valueOf":1}';

describe('tokenizer.json', () => {
  const definition = (parts: Readonly<Record<string, string>>) =>
    `{${Object.entries({ model: '{"vocab":{"a":0},"merges":[]}', ...parts }).map(([key, value]) => `"${key}":${value}`)}}`;
  const refused = async (text: string | Buffer, name = 'tokenizer.json') => {
    const folder = await temporaryFolder();
    await writeFile(path.join(folder, 'tokenizer.json'), definition({}));
    await writeFile(path.join(folder, name), text);
    return rejection(openTokenizer(folder));
  };

  it.each(['(a', ')', 'a**', 'a{2,1}', '[b-a]'])('the pattern %s, which is no regular expression', async (pattern) => {
    const step = `{"type":"Replace","pattern":{"Regex":${JSON.stringify(pattern)}},"content":""}`;
    for (const part of ['normalizer', 'decoder']) {
      const { kind, message } = await refused(definition({ [part]: step }));
      expect(kind).toBe('unsupported');
      expect(message).toMatch(/a regular expression this program can run, found .* in the pattern/);
    }
  });

  it('nested deeper than a stack', async () => {
    for (const part of ['normalizer', 'post_processor', 'added_tokens'])
      expect((await refused(definition({ [part]: DEEP }))).message).toMatch(/nested at most 100 deep/);
  });

  it('a type and an id that cannot be printed', async () => {
    expect((await refused(definition({ model: `{"type":${UNPRINTABLE}}` }))).message).toMatch(
      /expected BPE, found an object/,
    );
    const model = `{"vocab":{"a":${UNPRINTABLE}},"merges":[]}`;
    expect((await refused(definition({ model }))).message).toMatch(/an id from 0 .* found an object/);
  });

  it('steps that strip nothing four thousand million times, or replace it', async () => {
    const strip = '{"type":"Strip","content":"","start":4294967296,"stop":0}';
    expect((await refused(definition({ decoder: strip }))).message).toMatch(
      /decoder.0.content: expected one character/,
    );
    const metaspace = '{"type":"Metaspace","replacement":""}';
    const { message } = await refused(definition({ pre_tokenizer: metaspace }));
    expect(message).toMatch(/pre_tokenizer.0.replacement: expected one character/);
  });

  it('bytes that are not UTF-8, which became other tokens', async () => {
    const bytes = Buffer.from(definition({ model: '{"vocab":{"\u00e9":0},"merges":[]}' }), 'latin1');
    expect((await refused(bytes)).message).toMatch(/JSON in UTF-8/);
  });
});

describe('config.json', () => {
  const refused = async (config: Readonly<Record<string, string>>) => {
    const folder = await temporaryFolder();
    await writeTinyCheckpoint(folder);
    const entries = Object.entries({ ...TINY_CONFIG }).map(([key, value]) => [key, JSON.stringify(value)]);
    const merged = { ...Object.fromEntries(entries), ...config };
    const text = `{${Object.entries(merged).map(([key, value]) => `"${key}":${value}`)}}`;
    await writeFile(path.join(folder, 'config.json'), text);
    return rejection(loadModel(folder));
  };

  it('head sizes that are no numbers', async () => {
    expect((await refused({ head_dim: UNPRINTABLE })).message).toMatch(/head_dim: expected .* found an object/);
    expect((await refused({ head_dim: '[8]' })).message).toMatch(/head_dim: expected .* found \[8\]/);
    expect((await refused({ head_dim: '1000000' })).message).toMatch(/head_dim: expected at most 65536/);
  });

  it('numbers that are NaN or infinite in float32', async () => {
    const rope = (block: object) => refused({ rope_parameters: JSON.stringify({ rope_theta: 10_000, ...block }) });
    const blocks = [
      { rope_type: 'dynamic', factor: 1e300 },
      { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, attention_factor: 1e300 },
      { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16, attention_factor: 1e-320 },
    ];
    for (const block of blocks) expect((await rope(block)).message).toMatch(/fit into float32, found theta 10000, /);
  });

  it('nested deeper than a stack', async () => {
    expect((await refused({ anything: DEEP })).message).toMatch(/nested at most 100 deep/);
  });
});

describe('what inspect reads', () => {
  const config = { hidden_size: 64, num_attention_heads: 4, max_position_embeddings: 4096, model_type: 'llama' };
  const inspected = async (keys: Readonly<Record<string, string>>) => {
    const file = path.join(await temporaryFolder(), 'config.json');
    const entries = Object.entries(config).map(([key, value]) => [key, JSON.stringify(value)]);
    const merged = Object.entries({ ...Object.fromEntries(entries), ...keys });
    await writeFile(file, `{${merged.map(([key, value]) => `"${key}":${value}`)}}`);
    return inspectModel(file);
  };

  it('names that cannot be printed', async () => {
    expect((await inspected({ architectures: `[${UNPRINTABLE}]` })).traps).toEqual(expect.any(Array));
    const { traps } = await inspected({ rope_scaling: `{"rope_type":"linear","factor":2,"type":${UNPRINTABLE}}` });
    expect(traps.find(({ id }) => id === 'type-conflict')?.what).toMatch(/type an object beside/);
  });

  it('heads without end', async () => {
    const refusal = async (keys: Readonly<Record<string, string>>) => (await rejection(inspected(keys))).message;
    expect(await refusal({ head_dim: '1000000000' })).toMatch(/head_dim: expected an even number up to 65536/);
    expect(await refusal({ hidden_size: '8000000000' })).toMatch(
      /hidden_size \/ num_attention_heads: expected an even/,
    );
    expect(await refusal({ num_attention_heads: '3' })).toMatch(/found 21.3/);
  });

  it('shares of a head above 1', async () => {
    const message = /partial_rotary_factor: expected a number in \(0, 1\], found 9007199254740991/;
    expect((await rejection(inspected({ partial_rotary_factor: '9007199254740991' }))).message).toMatch(message);
    const rope_scaling = '{"type":"linear","factor":2,"partial_rotary_factor":9007199254740991}';
    expect((await rejection(inspected({ rope_scaling }))).message).toMatch(message);
  });

  it('a theta of local layers that cannot be printed', async () => {
    const local = `{"rope_type":"default","rope_theta":[${UNPRINTABLE}]}`;
    const keys = { model_type: '"gemma3_text"', head_dim: '16', rope_local_base_freq: '20000' };
    const { tables } = await inspected({ ...keys, rope_parameters: `{"sliding_attention":${local}}` });
    expect(tables).toEqual([]);
  });

  const gguf = async (changes: Readonly<Record<string, TypedValue>>, factors = [1, 2, 3, 4]) => {
    const file = path.join(await temporaryFolder(), 'x.gguf');
    const bytes = new Uint8Array(Float32Array.from(factors).buffer);
    const tensors = ['long', 'short'].map((name) => ({
      ...{ name: `rope_factors_${name}.weight`, dtype: 'F32', shape: [factors.length], bytes },
    }));
    await writeFile(file, ggufBytes({ ...llamaMetadata(TINY_CONFIG), ...changes }, tensors));
    return inspectModel(file);
  };

  it.each([
    ['llama.embedding_length', { u32: 4_000_000_000 }, /up to 65536, found 1000000000/],
    [
      'llama.attention.key_length',
      { u32: 2 ** 31 },
      /key_length: expected heads of an even number of dimensions up to 65536/,
    ],
    ['llama.rope.dimension_count', { u32: 2 ** 31 }, /dimension_count: expected an even number up to 8, the head/],
    ['llama.rope.freq_base', { f32: Number.NaN }, /freq_base: expected a number above 1, found NaN/],
    ['llama.rope.scaling.factor', { f32: -2 }, /scaling.factor: expected a number above 0/],
    ['llama.context_length', { u32: 0 }, /context_length: expected a whole number of at least 2/],
  ] as const)('%s of a GGUF file that is out of range', async (key, value, message) => {
    expect((await rejection(gguf({ [key]: value }))).message).toMatch(message);
  });

  it('factor tensors of a wrong length, or that are infinite in float32', async () => {
    const { refusals, tables } = await gguf({}, [1, 2, 3]);
    expect(refusals.join()).toMatch(/expected 4 factors, one per rotary pair, found 3/);
    expect(tables).toEqual([]);
    expect((await rejection(gguf({}, [1, 1e-40, 1, 1]))).message).toMatch(/rope_factors_short.weight\[1\]: expected/);
  });
});

describe('factor files', () => {
  it('numbers that are 0 or infinite in float32', () => {
    expect(() => parseFactorFile('1\n1e-320')).toThrow(/factors\[1\]: expected at least 0.000001/);
    for (const factor of ['1e300', '1e-320'])
      expect(() => parseFactorFile(`{"factors":[1,2],"attention_factor":${factor}}`)).toThrow(
        /attention_factor: expected/,
      );
  });

  it('a type that cannot be printed', () => {
    const text = `{"long_factor":[1,2],"type":${DEEP}}`;
    expect(() => parseFactorFile(text)).toThrow(/type: expected "longrope".* found an object or list/);
  });
});

describe('weights', () => {
  it('shards of a name that no file can have', async () => {
    const folder = await temporaryFolder();
    await writeTinyCheckpoint(folder, { shards: 2 });
    const index = path.join(folder, 'model.safetensors.index.json');
    await writeFile(index, (await readFile(index, 'utf8')).replaceAll('00002-of', `${'9'.repeat(300)}-of`));
    expect((await rejection(openSafetensors(folder))).message).toMatch(/found a name that is too long/);
  });

  it('GGUF tokens as long as books', async () => {
    const file = path.join(await temporaryFolder(), 'model.gguf');
    const tokens = ['<unk>', 'a', 'a'.repeat(100_000)].map((string) => ({ string }));
    const metadata = {
      'tokenizer.ggml.model': { string: 'llama' },
      'tokenizer.ggml.tokens': { array: tokens },
      'tokenizer.ggml.scores': { array: tokens.map(() => ({ f32: 0 })) },
    };
    await writeFile(file, ggufBytes({ ...llamaMetadata(TINY_CONFIG), ...metadata }, []));
    expect((await rejection(openTokenizer(file))).message).toMatch(/a token of at most 10000 characters, found 100000/);
  });
});

describe('Arrow streams', () => {
  async function dataset() {
    const folder = path.join(await temporaryFolder(), 'set');
    async function* documents() {
      for (let i = 1; i < 5; i++) yield { id: `book ${i}`, ids: Int32Array.from({ length: i }, (_, k) => k) };
    }
    await writeDataset(folder, documents(), { tokenizerHash: 'abc' });
    const file = path.join(folder, 'data-00000-of-00001.arrow');
    return { folder, file, valid: await readFile(file) };
  }

  it('with the largest number in the place of any other', { timeout: 20_000 }, async () => {
    const { folder, file, valid } = await dataset();
    const { documents } = await readDataset(folder);
    let refused = 0;
    for (let at = 0; at + 4 <= valid.byteLength; at += 4) {
      const damaged = Buffer.from(valid);
      damaged.writeInt32LE(2 ** 31 - 1, at);
      await writeFile(file, damaged);
      const read = await readDataset(folder).catch((error: unknown) => error);
      if (read instanceof UserError) refused++;
      else expect(read, `byte ${at}`).toMatchObject({ documents: { length: documents.length } });
    }
    expect(refused).toBeGreaterThan(50);
  });

  it('that end before they end', async () => {
    const { folder, file, valid } = await dataset();
    await writeFile(file, Buffer.concat([valid, valid]));
    expect((await rejection(readDataset(folder))).message).toMatch(/an end mark before the end/);
  });

  it('whose lists go backwards', async () => {
    const { folder, file, valid } = await dataset();
    // 0, 1, 3, 6, 10: where the lists of 1, 2, 3 and 4 tokens begin.
    const offsets = Buffer.from(Int32Array.of(0, 1, 3, 6, 10).buffer);
    const at = valid.indexOf(offsets);
    const damaged = Buffer.from(valid);
    damaged.writeInt32LE(0, at + 8);
    await writeFile(file, damaged);
    expect((await rejection(readDataset(folder))).message).toMatch(
      /whole lists .* a list that begins or ends at 0, after 1/,
    );
  });

  it('outside their folder', async () => {
    const { folder } = await dataset();
    for (const name of ['../set/data-00000-of-00001.arrow', '/dev/zero', 'a\0b', '']) {
      await writeFile(path.join(folder, 'state.json'), JSON.stringify({ _data_files: [{ filename: name }] }));
      expect((await rejection(readDataset(folder))).message).toMatch(/names of files in the same folder/);
    }
    await mkdir(path.join(folder, 'folder'));
    await writeFile(path.join(folder, 'state.json'), JSON.stringify({ _data_files: [{ filename: 'folder' }] }));
    expect((await rejection(readDataset(folder))).message).toMatch(/expected a regular file/);
  });
});

describe('messages', () => {
  it('are short, however much is wrong', () => {
    const problem = { where: 'x'.repeat(10_000), expected: 'y', found: 'z' };
    expect(describeProblem(problem).length).toBeLessThan(600);
    const { message, problems } = new UserError(
      'input',
      new Array(10_000).fill({ where: 'a', expected: 'b', found: 'c' }),
    );
    expect(message.split('\n')).toHaveLength(101);
    expect(message).toMatch(/\.\.\. and 9900 more problems$/);
    expect(problems).toHaveLength(10_000);
  });
});
