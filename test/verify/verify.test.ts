import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Verification } from '../../src/workflow/verify.js';
import { longrope } from '../helpers/cli.js';
import { temporaryFolder } from '../helpers/temporary-folder.js';
import { TINY } from '../helpers/tiny-model.js';

const NO_PYTHON = ['--python', '/nowhere/python'];

describe('longrope verify', () => {
  it('judges an exported folder by the rules of engines, and writes the program for another machine', async () => {
    const folder = await temporaryFolder();
    const out = path.join(folder, 'exported');
    expect((await longrope(['export', 'hf', TINY, '--rope', 'yarn:2@1.05', '--out', out])).code).toBe(0);

    const script = path.join(folder, 'verify.py');
    const words = ['verify', out, '--rope', 'yarn:2@1.05', ...NO_PYTHON, '--script', script, '--json'];
    const { code, stdout } = await longrope(words);
    const result = JSON.parse(stdout) as Verification;
    expect(code).toBe(0);
    expect(result).toMatchObject({ originalLength: 256, maximumLength: 512, carries: true, runs: [], passed: true });
    expect(result.skipped.map(({ engine }) => engine)).toEqual(['llama.cpp', 'transformers']);
    const of = (engine: string) =>
      result.tables.filter((row) => row.engine === engine).map(({ length, judgement }) => [length, judgement.verdict]);
    expect(of('transformers v5')).toEqual([255, 256, 257, 512].map((length) => [length, 'exact']));
    // It computes its own attention factor.
    expect(of('vLLM')).toContainEqual([512, 'differs']);
    expect(await readFile(script, 'utf8')).toContain('AutoModelForCausalLM.from_pretrained');

    // Factors that are the same at every length that the file has.
    const config = path.join(out, 'config.json');
    const text = await readFile(config, 'utf8');
    const cut = text.replace('"max_position_embeddings": 512', '"max_position_embeddings": 384');
    await writeFile(config, cut.replaceAll('"factor": 2', '"factor": 1.5'));
    const shorter = await longrope(['verify', out, '--rope', 'yarn:2@1.05', ...NO_PYTHON]);
    expect([shorter.code, shorter.stderr]).toEqual([
      7,
      expect.stringMatching(
        /expected original length 256, maximum 512, as --rope yarn:2@1\.05 says, found original length 256, maximum 384$/m,
      ),
    ]);
    await writeFile(config, text);

    const other = await longrope(['verify', out, '--rope', 'ntk:2@1.05', ...NO_PYTHON]);
    expect(other.code).toBe(7);
    expect(other.stdout).toContain('carries what --rope says: NO');
    expect(other.stderr).toMatch(/^error: .*exported: expected the factors of --rope ntk:2@1.05, found others$/m);
  });

  it('says what it needs', async () => {
    const folder = await temporaryFolder();
    const missing = await longrope(['verify', path.join(folder, 'nothing.gguf')]);
    expect([missing.code, missing.stderr]).toEqual([3, expect.stringMatching(/^error: .*nothing\.gguf/)]);
    const engine = await longrope(['verify', TINY, '--engine', 'transformers', ...NO_PYTHON]);
    expect(engine.code).toBe(6);
    expect(engine.stderr).toMatch(/^error: --engine: expected transformers to run, found no Python with torch/);
    const long = await longrope([
      'verify',
      TINY,
      '--length',
      '2000k',
      ...NO_PYTHON,
      '--script',
      path.join(folder, 's.py'),
    ]);
    expect([long.code, long.stderr]).toEqual([3, expect.stringContaining('--text moby-dick: expected at least')]);
    for (const words of [[], ['--rope', 'model']]) {
      const nothing = await longrope(['verify', TINY, ...words, ...NO_PYTHON]);
      expect([nothing.code, nothing.stdout]).toEqual([7, expect.stringMatching(/\nNOT verified\n$/)]);
      expect(nothing.stderr).toMatch(
        /found neither --rope with factors nor an engine that runs \(llama.cpp: .*; transformers: no Python/,
      );
    }
    const unknown = await longrope(['verify', TINY, '--engine', 'vllm']);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('Allowed choices are llama.cpp, transformers'),
    ]);
    const alone = await longrope(['verify', TINY, '--target', '512']);
    expect([alone.code, alone.stderr]).toEqual([2, expect.stringContaining('expected --rope with factors')]);
  });
});
